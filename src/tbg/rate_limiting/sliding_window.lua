-- Admit or refuse one request under one or more policies: all of them are charged, or none.
--
-- KEYS[i]: the client's window under policy i. ARGV[4i-3 … 4i]: its limit, its window in microseconds, the cost, and 1
-- if it is only a shadow, which never refuses. Returns 1 or 0 (admitted), then for each policy: 1 or 0 (this one admits),
-- how many more it would admit now, and the microseconds until `cost` more would fit.
--
-- A key holds buckets of 16 bytes, oldest first: the time of the first request (microseconds, 7 bytes), how much later
-- the last one came (5), and their cost (4). A request joins the newest bucket while that is younger than a twelfth of
-- the window, so there are never more than thirteen. A bucket counts until its last request is a whole window old: never
-- more than the limit within any interval of the window's length, and nobody is refused for longer than a twelfth of the
-- window more than an exact log would.
local FORMAT, SIZE = '>I7I5I4', 16
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]

-- When the server's clock was set back, all buckets are moved back with it, as if no time had passed.
local function moved(packed, shift)
  local buckets = {}
  for at = 1, #packed, SIZE do
    local first, span, count = struct.unpack(FORMAT, packed, at)
    buckets[#buckets + 1] = struct.pack(FORMAT, first - shift, span, count)
  end
  return table.concat(buckets)
end

-- Return the buckets that count, their sum, and whether they had to be moved. They stay packed: a request changes the
-- newest at most.
local function read(key, window)
  local packed = redis.pcall('GET', key) or ''
  if type(packed) == 'table' and not string.find(packed.err, 'WRONGTYPE') then error(packed) end
  if type(packed) == 'table' or #packed % SIZE > 0 then packed = '' end -- not of this script's making
  local used, oldest, shift = 0, #packed + 1, 0
  if #packed > 0 then
    local first, span = struct.unpack(FORMAT, packed, #packed - SIZE + 1)
    shift = math.max(0, first + span - clock)
    if shift > 0 then packed = moved(packed, shift) end
  end
  for at = #packed - SIZE + 1, 1, -SIZE do
    local first, span, count = struct.unpack(FORMAT, packed, at)
    if first + span + window < clock then break end
    used, oldest = used + count, at
  end
  return string.sub(packed, oldest), used, shift > 0
end

local function charge(packed, window, cost)
  local first, count = clock, 0
  if #packed > 0 then
    local newest, _, sum = struct.unpack(FORMAT, packed, #packed - SIZE + 1)
    if clock - newest < window / 12 then
      packed, first, count = string.sub(packed, 1, -SIZE - 1), newest, sum
    end
  end
  return packed .. struct.pack(FORMAT, first, clock - first, count + cost)
end

local function write(key, packed, window)
  redis.call('SET', key, packed, 'PX', math.ceil(window / 1000) + 1)
end

-- Buckets leave oldest first; return how long until as many have left as make room.
local function wait(packed, excess, window)
  local microseconds = 0
  for at = 1, #packed, SIZE do
    if excess <= 0 then break end
    local first, span, count = struct.unpack(FORMAT, packed, at)
    excess, microseconds = excess - count, first + span + window - clock + 1
  end
  return microseconds
end

local policies, admitted = {}, true
for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local cost, is_shadow = tonumber(ARGV[4 * i - 1]), ARGV[4 * i] == '1'
  local packed, used, is_moved = read(key, window)
  policies[i] = {key, limit, window, cost, packed, used, used + cost <= limit, is_moved}
  admitted = admitted and (is_shadow or used + cost <= limit)
end

local answer = {admitted and 1 or 0}
for i, policy in ipairs(policies) do
  local key, limit, window, cost, packed, used, admits, is_moved = unpack(policy)
  if admitted and admits then
    -- What costs nothing is written without being noted: it only finds out whether the server takes writes.
    if cost > 0 then packed = charge(packed, window, cost) end
    write(key, packed, window)
    used = used + cost
  elseif is_moved then
    write(key, packed, window) -- or time would stand still for the refused until the clock is back where it was
  end
  answer[3 * i - 1] = admits and 1 or 0
  answer[3 * i] = math.max(0, limit - used)
  answer[3 * i + 1] = wait(packed, used + cost - limit, window)
end
return answer
