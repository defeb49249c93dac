"""What the pages cite, and whether it is still there: the ledger of figures, the state of links, and their check.

Modules, from the inside out:

    fetch      an address -> what its server answered; the only module that uses the network
    verdict    an answer -> whether the link is alive (pure)
    archive    an address -> a stored copy of it, near the day on which it was read
    ledger     figures.yml and quarantine.yml: figures from elsewhere, and links that are known to be broken
    check      the pages' links and what was known of them -> what is known now, and a report
    due        what is past its date
    __main__   `python -m references check` and `python -m references due`
"""
