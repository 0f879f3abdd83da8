-- The job slots of one account: the arithmetic of SlotLimit (session/limits/slot_limit.py) and its
-- queue, in one atomic step. A call carries any number of operations of one owner (a process on one
-- event loop) and returns what became of its leases. tests/distributed/test_slots_script.py holds
-- this file to the Python arithmetic, number by number.
--
-- KEYS  state     hash    numbers of the limit, by name
--       grants    hash    lease id -> four digits: lane, held, running, probe
--       queue     zset    lease id -> lane and number, for those that wait
--       owners    zset    owner -> the time when all that it has ends
--       batches   hash    owner -> number of its last call, so that a repeated one is not applied
-- ARGV  now (seconds, or "" for the server's clock), owner, number of the call, time to live,
--       channel prefix, ceiling, probe_every, reserve, start (or ""), then one operation each:
--         acquire ID LANE             queue for a slot
--         accepted ID LANE            the job runs; a lease that was lost counts again
--         refused ID LANE RETRY_AFTER too many jobs run; the lease ends
--         release ID                  the lease, or the wait for it, ends
--         check ID                    say whether it is held, or unknown
-- Returns the numbers in one line, the seconds after which somebody may go ("" if only an event helps), the
-- ids of this owner that hold a slot now, and those that it asked for and that are unknown.
--
-- Numbers cross as text: Redis would cut the fractions off.

local STATE, GRANTS, QUEUE, OWNERS, BATCHES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local owner, batch, ttl, channel = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local FIRST_OPERATION = 10

local LONGEST_PAUSE, PROBE_SECONDS, HALVINGS, CLEARLY = 540, 60, 5, 0.9
local UNCOUNTED, BULK_REFUSED, BULK, GATE = 0, 3, 4, 5
local PLACES = 2 ^ 42 -- in each lane of the queue
local FORGOTTEN_AFTER = 30 * 24 * 3600

local function text(number)
  return string.format('%.17g', number)
end

-- State: numbers by name; what has changed is written at the end.

local S, stored = {}, {}
do
  local fields = redis.call('HGETALL', STATE)
  for i = 1, #fields, 2 do
    S[fields[i]] = tonumber(fields[i + 1])
    stored[fields[i]] = S[fields[i]]
  end
end

-- A steady clock: the server's own, which may be set back, plus what it was set back by.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1e6
end
S.behind = S.behind or 0
now = now + S.behind
if S.now and now < S.now then
  S.behind = S.behind + S.now - now
  now = S.now
end
S.now = now

if not S.limit then
  local start = tonumber(ARGV[9])
  S.learned = start and 1 or 0
  S.ceiling = tonumber(ARGV[6])
  S.limit = math.max(1, math.min(start or S.ceiling, S.ceiling))
  S.held, S.running, S.refusals, S.held_seconds, S.limit_seconds = 0, 0, 0, 0, 0
  S.proven, S.doubted, S.growing, S.growths, S.retrying = 0, 0, 0, 0, 0
  S.shut, S.pause_ends, S.probe_ends = 0, 0, 0
  S.changed_at, S.limited_at, S.number = now, now, 0
  S.probe_every, S.reserve = tonumber(ARGV[7]), tonumber(ARGV[8])
end

local function set_limit(limit)
  S.limit_seconds = S.limit_seconds + (now - S.limited_at) * S.limit
  S.limit, S.changed_at, S.limited_at = limit, now, now
end

if batch == 1 then -- the process that started last decides
  S.ceiling, S.probe_every, S.reserve = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
  if S.limit > S.ceiling or (S.learned == 0 and S.limit < S.ceiling) then
    set_limit(S.ceiling)
  end
end

local function news()
  return S.shut .. ' ' .. S.limit .. ' ' .. S.learned
end
local known_news = news()

-- Grants: each is read once and written once.

local grants, touched = {}, {}

local function load(id)
  if grants[id] == nil then
    local digits = redis.call('HGET', GRANTS, id)
    if digits then
      local lane, held, running, probe = string.byte(digits, 1, 4)
      grants[id] = { lane = lane - 48, held = held - 48, running = running - 48, probe = probe - 48 }
    else
      grants[id] = false
    end
  end
  return grants[id] or nil
end

local function save(id, grant)
  grants[id] = grant
  touched[id] = true
end

-- The gate.

local function gate_wait()
  return S.shut == 1 and math.max(0, S.pause_ends - now, S.probe_ends - now) or 0
end

local function enter()
  if S.shut == 1 then
    S.probe_ends = now + PROBE_SECONDS
  end
  return S.shut
end

local function close(seconds)
  local ends = now + math.min(math.max(0, seconds), LONGEST_PAUSE)
  S.pause_ends = S.shut == 1 and math.max(S.pause_ends, ends) or ends
  S.shut = 1
end

-- The limit: the methods of SlotLimit, in their order.

local function pace()
  return S.probe_every * 0.5 ^ math.min(math.max(0, S.growths - 1), HALVINGS)
end

-- Return 0 where a slot was taken, else the seconds after which to ask again, or nil.
local function take(grant)
  local wait, lane = gate_wait(), grant.lane
  if wait > 0 or lane == GATE then
    if wait == 0 then
      grant.held, grant.probe = 1, enter()
    end
    return wait
  end
  if lane == UNCOUNTED and S.retrying == 1 then
    return nil
  end
  local reserve = lane >= BULK_REFUSED and S.reserve or 0
  if S.held >= S.limit - reserve then
    if S.limit >= S.ceiling then
      return nil
    end
    local until_growth = S.changed_at + pace() - now
    if until_growth > 0 then
      return until_growth
    end
    set_limit(S.limit + 1)
    S.growing = 1
    if S.held >= S.limit - reserve then
      return pace()
    end
  end
  S.held = S.held + 1
  S.held_seconds = S.held_seconds - now
  if lane == UNCOUNTED then
    S.retrying = 1
  end
  grant.held, grant.probe = 1, enter()
  return 0
end

local function accept(grant)
  if grant.held == 0 or grant.running == 1 then
    return
  end
  if grant.probe == 1 then
    grant.probe, S.probe_ends = 0, 0
    S.shut = now < S.pause_ends and 1 or 0
  end
  if grant.lane == GATE or grant.lane == UNCOUNTED then
    return
  end
  grant.running = 1
  S.running = S.running + 1
  S.proven = math.max(S.proven, S.running)
  S.doubted = 0
  if S.running > S.limit then
    set_limit(S.running)
  end
  if S.growing == 1 and S.running >= S.limit - S.reserve then
    S.growing = 0
    S.growths = S.growths + 1
  end
end

local function release(grant)
  if grant.held == 0 then
    return
  end
  if grant.probe == 1 then
    grant.probe, S.probe_ends = 0, 0
  end
  if grant.lane ~= GATE then
    S.held = S.held - 1
    S.held_seconds = S.held_seconds + now
  end
  S.running = S.running - grant.running
  if grant.lane == UNCOUNTED then
    S.retrying = 0
  end
  grant.held, grant.running = 0, 0
end

local function refuse(grant, retry_after)
  local counted = grant.lane ~= GATE and grant.lane ~= UNCOUNTED
  S.refusals = S.refusals + 1
  S.growing = 0
  local late = gate_wait() > 0 and grant.probe == 0
  local doubted = S.running < CLEARLY * S.proven and (late or S.doubted == 0)
  S.doubted = doubted and 1 or 0
  if (counted or S.running > 0) and not doubted then
    set_limit(math.max(1, S.running))
    S.learned, S.proven, S.growths = 1, S.running, 0
  end
  release(grant)
  close(retry_after)
end

local function forget(id, grant)
  if grant.held == 0 then
    redis.call('ZREM', QUEUE, id)
  end
  release(grant)
  save(id, false)
end

-- Owners whose time is over: their slots are free, and nobody waits behind their callers.

local function owner_of(id)
  return string.match(id, '^[^:]+')
end

local over = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', OWNERS, '-inf', '(' .. text(now))) do
  over[name] = true
  redis.call('ZREM', OWNERS, name)
  redis.call('HDEL', BATCHES, name)
end
if next(over) then
  for _, id in ipairs(redis.call('HKEYS', GRANTS)) do
    if over[owner_of(id)] then
      forget(id, load(id))
    end
  end
end
redis.call('ZADD', OWNERS, text(now + ttl), owner)

-- The operations.

local mine, unknown = {}, {}
local operations = {}

function operations.acquire(id, lane)
  if not load(id) then
    S.number = S.number + 1
    save(id, { lane = lane, held = 0, running = 0, probe = 0 })
    redis.call('ZADD', QUEUE, text(lane * PLACES + S.number), id)
  end
end

function operations.accepted(id, lane)
  local grant = load(id)
  if not grant and lane ~= UNCOUNTED and lane ~= GATE then -- it was lost, and its job runs
    grant = { lane = lane, held = 1, running = 0, probe = 0 }
    S.held = S.held + 1
    S.held_seconds = S.held_seconds - now
  end
  if grant then
    accept(grant)
    save(id, grant)
  end
end

function operations.refused(id, lane, retry_after)
  local grant = load(id)
  refuse(grant or { lane = lane, held = 0, running = 0, probe = 0 }, retry_after)
  if grant then
    forget(id, grant)
  end
end

function operations.release(id)
  local grant = load(id)
  if grant then
    forget(id, grant)
  end
end

function operations.check(id)
  local grant = load(id)
  if not grant then
    table.insert(unknown, id)
  elseif grant.held == 1 then
    table.insert(mine, id)
  end
end

local repeated = batch <= tonumber(redis.call('HGET', BATCHES, owner) or 0)
if not repeated then
  redis.call('HSET', BATCHES, owner, batch)
end
for i = FIRST_OPERATION, #ARGV do
  local name, id, lane, retry_after = string.match(ARGV[i], '^(%S+) (%S+) ?(%S*) ?(%S*)$')
  if not repeated then
    operations[name](id, tonumber(lane), tonumber(retry_after))
  elseif name == 'acquire' or name == 'check' then
    operations.check(id)
  end
end

-- Grant what can be granted: the queue in its order, then those who wait for the gate alone.

local others = {}

-- Serve the lanes from one to another; return when to ask again.
local function serve(first, last)
  local from, to = text(first * PLACES), '(' .. text((last + 1) * PLACES)
  while true do
    local id = redis.call('ZRANGEBYSCORE', QUEUE, from, to, 'LIMIT', 0, 1)[1]
    if not id then
      return nil
    end
    local grant = load(id)
    local wait = take(grant)
    if wait ~= 0 then
      return wait
    end
    save(id, grant)
    redis.call('ZREM', QUEUE, id)
    local name = owner_of(id)
    if name == owner then
      table.insert(mine, id)
    else
      others[name] = (others[name] and others[name] .. ' ' or '') .. id
    end
  end
end

local again, at_gate = serve(UNCOUNTED, BULK), serve(GATE, GATE)
if again and at_gate then
  again = math.min(again, at_gate)
end
again = again or at_gate

for name, ids in pairs(others) do
  redis.call('PUBLISH', channel .. name, ids)
end
if news() ~= known_news then
  redis.call('PUBLISH', channel .. 'all', news())
end

-- Write what has changed.

for id in pairs(touched) do
  local grant = grants[id]
  if grant then
    redis.call('HSET', GRANTS, id, grant.lane .. grant.held .. grant.running .. grant.probe)
  else
    redis.call('HDEL', GRANTS, id)
  end
end

local changed = {}
for name, value in pairs(S) do
  if value ~= stored[name] then
    table.insert(changed, name)
    table.insert(changed, text(value))
  end
end
if #changed > 0 then
  redis.call('HSET', STATE, unpack(changed))
end
if batch % 100 == 1 then
  for _, key in ipairs(KEYS) do
    redis.call('EXPIRE', key, FORGOTTEN_AFTER)
  end
end

local numbers = {
  S.held, S.running, S.limit, S.learned, S.ceiling, S.refusals,
  S.held_seconds + now * S.held,
  S.limit_seconds + (now - S.limited_at) * S.limit,
  S.shut, gate_wait(),
}
for i, number in ipairs(numbers) do
  numbers[i] = text(number)
end
return { table.concat(numbers, ' '), again and text(again) or '', mine, unknown }
