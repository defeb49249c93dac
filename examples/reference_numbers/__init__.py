"""The figures that recur in interviews on LLM services, computed or cited, for the page of numbers to know.

Modules, from the inside out:

    models      published configurations of open models, and what a token of context costs in each (pure)
    hardware    GPUs and links as their makers state them, and what follows for a decode step (pure)
    rules       rules of reliability, queues and statistics as the formulas that they stand for (pure)
    prices      list prices with their days (records)
    memory      the calculator of KV-cache memory
    figures     every number and table on the page
"""
