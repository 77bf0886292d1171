"use strict";
// Filters, sorting and tooltips. Text from the results only ever becomes textContent.
{
  const networks = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const table = document.getElementById("networks");
  const tip = document.getElementById("tip");
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  const marks = [...document.querySelectorAll("[data-point], [data-spread]")];
  const numberOf = (mark) => Number(mark.dataset.point ?? mark.dataset.spread);
  const searched = new Map(
    rows.map((row) => {
      const points = networks[row.dataset.row].points.join(" ");
      return [row, `${row.textContent} ${points}`.toLowerCase()];
    })
  );
  const visible = new Set(networks.keys());

  const bound = (name, otherwise) => (form[name].value === "" ? otherwise : Number(form[name].value));

  function matches(row) {
    const network = networks[row.dataset.row];
    const words = form.text.value.toLowerCase().split(/\s+/);
    const [least, most] = [bound("least", -Infinity), bound("most", Infinity)];
    const accuracy = network.accuracy;
    const bounded = least > -Infinity || most < Infinity;
    return (
      words.every((word) => searched.get(row).includes(word)) &&
      (bounded ? accuracy !== null && accuracy >= least && accuracy <= most : true) &&
      [...form.querySelectorAll("select")].every(
        ({ name, value }) => value === "" || network.choices[name].includes(JSON.parse(value))
      )
    );
  }

  function filter() {
    for (const row of rows) {
      const fits = matches(row);
      row.hidden = !fits;
      visible[fits ? "add" : "delete"](Number(row.dataset.row));
    }
    for (const mark of marks) mark.classList.toggle("faded", !visible.has(numberOf(mark)));
    document.getElementById("shown").textContent = `${visible.size} of ${networks.length} networks`;
    leave();
  }

  function compare(a, b, at, sign) {
    const [first, second] = [a, b].map((row) => row.cells[at].dataset.key ?? "");
    if (first === "" || second === "") return (first === "") - (second === "");
    const difference = Number(first) - Number(second);
    return sign * (Number.isNaN(difference) ? first.localeCompare(second) : difference);
  }

  function sort(at) {
    const up = heads[at].getAttribute("aria-sort") !== "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[at].setAttribute("aria-sort", up ? "ascending" : "descending");
    table.tBodies[0].append(...rows.sort((a, b) => compare(a, b, at, up ? 1 : -1)));
  }

  function describe(number) {
    const row = rows.find((one) => Number(one.dataset.row) === number);
    tip.replaceChildren(
      ...[...row.cells].flatMap((cell, at) => {
        if (cell.textContent === "") return [];
        const line = document.createElement(at ? "span" : "strong");
        line.textContent = at ? `${heads[at].textContent.trim()}: ${cell.textContent}` : cell.textContent;
        return [line];
      })
    );
    row.classList.add("current");
  }

  function enter(mark) {
    leave();
    mark.classList.add("current");
    describe(numberOf(mark));
    tip.hidden = false;
    const [box, size] = [mark.getBoundingClientRect(), tip.getBoundingClientRect()];
    const left = box.right + 10 + size.width > innerWidth ? box.left - 10 - size.width : box.right + 10;
    const top = Math.min(box.top, innerHeight - size.height - 8);
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, top)}px`;
  }

  function leave() {
    tip.hidden = true;
    for (const one of document.querySelectorAll(".current")) one.classList.remove("current");
  }

  function step(event, figure) {
    const points = [...figure.querySelectorAll(".point:not(.faded)")];
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") leave();
    if (!move || !points.length) return;
    event.preventDefault();
    const at = points.findIndex((point) => point.classList.contains("current"));
    const next = at < 0 ? (move > 0 ? 0 : points.length - 1) : at + move;
    enter(points[(next + points.length) % points.length]);
  }

  heads.forEach((head, at) => head.querySelector("button").addEventListener("click", () => sort(at)));
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("scroll", leave, { passive: true });
  for (const figure of document.querySelectorAll("figure svg")) {
    figure.addEventListener("keydown", (event) => step(event, figure));
    figure.addEventListener("blur", leave);
    for (const point of figure.querySelectorAll(".point")) {
      point.addEventListener("pointerenter", () => enter(point));
      point.addEventListener("pointerleave", leave);
    }
  }
  filter();
}
