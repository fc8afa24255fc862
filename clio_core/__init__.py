"""A compact implementation of Clio (Tamkin et al. 2024, sections B and G).

Nothing in this package knows of evaluation, plots or HTML. Stages take records and return records;
`clio_core.pipeline` alone knows their order.
"""
