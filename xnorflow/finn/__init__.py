# SPDX-License-Identifier: Apache-2.0
"""FINN: the same network and the same folding, to build or to compare with.

======================  =========================================================================
:mod:`~.form`           a network in the form that FINN makes the best of
:mod:`~.folding`        our folding by FINN's names and keys
:mod:`~.design`         network and folding of a RUN folder
:mod:`~.exported`       the folder from which FINN builds it
:mod:`~.build`          the script in that folder, which FINN's Python runs
:mod:`~.environment`    FINN in a virtual environment of its own
:mod:`~.stage_worker`   what runs there: FINN's steps, and images through each of them
:mod:`~.verify`         that against our reference
:mod:`~.answers`        labels and scores, and whether they are equal
:mod:`~.report`         what came out
======================  =========================================================================
"""
