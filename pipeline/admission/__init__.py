"""Who asks the model, who follows: get-or-create, leases with fencing tokens, and the log that callers read.

Redis keys of one run, all with the hash tag of its log key, so that they live in one slot of a cluster:

    leo:{K}:s          hash    the run: see below
    leo:{K}:f          zset    front ends that follow it; the score is when their interest ends (unix ms)
    leo:{K}:a          string  the stored answer of content key K (MessagePack of `answer.Answer`), with its TTL
    leo:{K}:l:EPOCH    list    the event log (MessagePack of `events.Event`), append-only

    leo:working        string  there while some worker renews leases; tells busy workers from dead ones

Fields of the run:

    st     queued | running | done | failed
    ep     epoch: which incarnation of the run this is; names the log. Unix microseconds, so it never repeats
    tok    fencing token: grows with every claim. A write that carries another token changes nothing
    stage  the next stage of the chain to run
    qa     when it was queued (unix ms)
    lease  until when the worker that claimed it may be presumed alive (unix ms)
    dl     when the last caller's patience ends (unix ms)
    out    1 when the current log holds deltas
    deaths how many workers died holding it
    lost   how many of those since the last claim: the ledger does not know of their calls yet
    fp     fingerprint of the body under an Idempotency-Key
    req    the request for the workers (MessagePack of `runs.RunRequest`)

Notices go over pub/sub: a write to the log publishes one to `leo:fe:ID` for each follower ID (see `notices`). It
carries the new events while they are small, so that who has read all that was said before need not ask Redis for
them. It is only a hint: losing one delays a caller until the next beat, it never loses an event.
"""
