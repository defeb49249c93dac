"""Finding and redacting emails, Social Security and card numbers, and names in the prompts and streamed answers of a gateway.

Modules, from the inside out:

    spans       what is found, and how findings that collide become one (pure)
    fold        a text as recognizers read it, and the way back to its own offsets (pure)
    patterns    emails, Social Security numbers and ITINs, with what validates them (pure)
    cards       payment card numbers, by their check digit (pure)
    names       the interface of a name model, a small tagger, and the loading of a spaCy pipeline
    windows     windows over long texts, and whose finding counts (pure)
    scanner     all of that over a complete text (pure)
    stream      the same over a text that arrives in chunks (pure)
    pseudonyms  stand-ins by keyed hash (pure)
    boundary    where a stand-in becomes the true value again (pure)
    vault       true values for a day, encrypted, in a Redis-compatible store
    gateway     the path of a request, failing closed
    corpus      labeled messages from templates (pure)
    train       trains the tagger on them
    evaluate    precision and recall with intervals (pure)
    figures     every number on the page (pure)
"""
