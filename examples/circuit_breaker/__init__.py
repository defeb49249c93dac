"""A circuit breaker for a gateway that streams from LLM providers, and what it needs around it.

Modules, from the inside out:

    setting     the facts of the question
    capacity    places, fallback tokens, minimum volume: the arithmetic (pure)
    window      outcomes in time buckets (pure)
    machine     the state machine; time and randomness are parameters (pure)
    verdict     what counts as the provider's failure, and what does not (pure)
    breaker     the machine behind a lock: permits that always come back, events, override, shadow mode
    limits      places, retry budget, token quota, Retry-After gate: what a breaker cannot do
    stream      deadlines by prompt length, and the watch over one stream
    sse         a provider over HTTP and server-sent events, with asyncio alone
    gateway     one request: which destinations, in which order, and when to give up
    brownout    one breaker and a provider that fails a steady share
    simulation  one replica in last month's outage, with and without all that
    figures     every number and chart on the page
"""
