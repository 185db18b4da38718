# SPDX-License-Identifier: BSD-3-Clause
"""The part of the lab that runs on your machine: makes the image, starts QEMU, talks to dom0."""
