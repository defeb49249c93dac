"""Token-bucket rate limiting for a large-language-model gateway: requests and tokens, per user, organization and tier.

Modules, from the inside out:

    tiers     limits, tiers and what each tier gets when the store is away (pure)
    meter     the arithmetic of the bucket in exact integers, the reference for the Lua (pure)
    decision  what a caller is told: decisions, reservations, settlements, errors (pure)
    headers   a decision as HTTP status, fields and body (pure)
    figures   every number on the page (pure)
    script    the Lua scripts, their keys, arguments and replies (pure)
    metrics   counts for the operators, in Prometheus's text format; alerts.yml reads them
    refusals  what the store has refused a moment ago, so that it is not asked again
    fallback  a thread-safe local limiter and a circuit that skips a dead store
    limiter   the limiters over redis-py, blocking and asyncio, for one primary or a cluster
    unsettled failed settles, repeated until the store is back
    gateway   asking before a stream, and settling it however it ends
"""
