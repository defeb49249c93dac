-- --8<-- [start:load]
-- KEYS: for each account (the user; the organization, if any) its bucket (hash) and its open holds (sorted set).
-- ARGV: hold in ms, claim ("id:tokens"), tokens used; then for each account requests (burst, per minute), tokens
-- (burst, per minute, debt). One hash tag for all keys, so one slot.
local HOLD_MS, CLAIM, UNIT, SLACK_MS = tonumber(ARGV[1]), ARGV[2], 60000000, 1000
local now = clock()

local function exact(number) return string.format('%.0f', number) end -- tostring keeps 14 digits
local function size(claim) return string.match(claim, '%d+$') * UNIT end
local function drained(gone, rate, since, till) return math.max(0, gone - (till - since) * rate) end

local function account(n, settling) -- reads, and writes nothing
  local a, first = { bucket = KEYS[2 * n - 1], holds = KEYS[2 * n] }, 5 * n - 1
  a.request_burst, a.request_rate = ARGV[first] * UNIT, tonumber(ARGV[first + 1])
  a.token_burst, a.token_rate = ARGV[first + 2] * UNIT, tonumber(ARGV[first + 3])
  a.token_bound = a.token_burst + ARGV[first + 4] * UNIT

  local saved = redis.call('HMGET', a.bucket, 'at', 'requests', 'used', 'held')
  local at = tonumber(saved[1]) or now
  a.changed = now < at
  at = math.min(at, now) -- a clock that went back refills nothing
  a.requests, a.used, a.held = tonumber(saved[2]) or 0, tonumber(saved[3]) or 0, tonumber(saved[4]) or 0
  if settling then -- by the hold's own limits: where the tier has grown since, they must forgive nothing
    a.request_burst, a.token_bound = math.max(a.request_burst, a.requests), math.max(a.token_bound, a.used)
  end
  a.requests = drained(math.min(a.requests, a.request_burst), a.request_rate, at, now)
  a.used = math.min(a.used, a.token_bound)
  local any = a.held > 0 and redis.call('EXISTS', a.holds) == 1
  if not any then a.held = 0 end

  local lost = any and redis.call('ZRANGEBYSCORE', a.holds, '-inf', exact(now), 'WITHSCORES') or {}
  for i = 1, #lost, 2 do -- its gateway died: the hold counts as used in full, from its deadline
    local due = math.max(at, tonumber(lost[i + 1]))
    a.used = math.min(drained(a.used, a.token_rate, at, due) + size(lost[i]), a.token_bound)
    a.held, at, a.changed, a.lost = math.max(0, a.held - size(lost[i])), due, true, true
  end
  a.used = drained(a.used, a.token_rate, at, now)
  local deadline = any and redis.call('ZSCORE', a.holds, CLAIM)
  a.open = deadline and tonumber(deadline) > now
  return a
end
-- --8<-- [end:load]

-- --8<-- [start:save]
local function save(a)
  local full_in_ms = math.ceil(math.max(a.requests / a.request_rate, (a.used + a.held) / a.token_rate) / 1000)
  if full_in_ms == 0 then return redis.call('DEL', a.bucket, a.holds) end
  local life_ms = full_in_ms + SLACK_MS + (a.held > 0 and HOLD_MS or 0)
  if a.lost then redis.call('ZREMRANGEBYSCORE', a.holds, '-inf', exact(now)) end
  redis.call('HSET', a.bucket, 'at', exact(now), 'requests', exact(a.requests),
    'used', exact(a.used), 'held', exact(a.held))
  redis.call('PEXPIRE', a.bucket, life_ms)
  if a.held > 0 then redis.call('PEXPIRE', a.holds, life_ms) end
end
-- --8<-- [end:save]
