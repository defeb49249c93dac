"""A tamper-evident audit log for a large-language-model gateway, and the check that needs only a public key.

Modules, from the inside out:

    canonical    one JSON text for one value, and a reader that takes no other (pure)
    events       what may be logged: a closed, typed, versioned schema (pure)
    chain        a writer's records: sequence, link to the one before, frames on disk (pure)
    merkle       RFC 9162 trees: roots, inclusion and consistency proofs (pure)
    subjects     a tree of actors per seal, which proves one user's records complete (pure)
    retention    how long each class is kept, in calendar months (pure)
    figures      every number on the page (pure)
    people       pseudonyms and sealed fields under a secret per person, which erasure destroys
    journal      a replica's durable file: group commit, torn tails, one writer
    recorder     the write path: journal first, then the queue; what stops when the queue is away
    streaming    events around an answer's stream, and the sweep after a replica died
    outbox       an administrator's change and its event in one transaction
    seals        what is sealed and signed
    archive      write-once objects, and the sealer that fills them
    witness      a second party that signs only what extends what it signed before
    search       a rebuildable index, and an answer that an auditor can check
    reconcile    the log against what billing and the engine counted
    verify       the auditor's command-line tool
"""
