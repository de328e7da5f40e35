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
local FORMAT = '>I7I5I4'
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]

-- Return the buckets that count, their sum, and how far they had to be moved: when the server's clock was set back, all
-- buckets are moved back with it, as if no time had passed.
local function read(key, window)
  local packed = redis.pcall('GET', key) or ''
  if type(packed) == 'table' and not string.find(packed.err, 'WRONGTYPE') then error(packed) end
  if type(packed) == 'table' or #packed % 16 > 0 then packed = '' end -- not of this script's making
  local buckets, used, shift = {}, 0, 0
  if #packed > 0 then
    local first, span = struct.unpack(FORMAT, packed, #packed - 15)
    shift = math.max(0, first + span - clock)
  end
  for at = 1, #packed, 16 do
    local first, span, count = struct.unpack(FORMAT, packed, at)
    first = first - shift
    if first + span + window >= clock then
      buckets[#buckets + 1] = {first, span, count}
      used = used + count
    end
  end
  return buckets, used, shift
end

-- A request that costs nothing is written without being noted: it only finds out whether the server takes writes.
local function write(key, buckets, window, cost)
  local newest = buckets[#buckets]
  if cost == 0 then
    -- nothing to note
  elseif newest and clock - newest[1] < window / 12 then
    newest[2], newest[3] = clock - newest[1], newest[3] + cost
  else
    buckets[#buckets + 1] = {clock, 0, cost}
  end
  local packed = {}
  for i, bucket in ipairs(buckets) do
    packed[i] = struct.pack(FORMAT, bucket[1], bucket[2], bucket[3])
  end
  redis.call('SET', key, table.concat(packed), 'PX', math.ceil(window / 1000) + 1)
end

-- Buckets leave oldest first; return how long until as many have left as make room.
local function wait(buckets, excess, window)
  local microseconds = 0
  for _, bucket in ipairs(buckets) do
    if excess <= 0 then break end
    excess, microseconds = excess - bucket[3], bucket[1] + bucket[2] + window - clock + 1
  end
  return microseconds
end

local policies, admitted = {}, true
for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local cost, is_shadow = tonumber(ARGV[4 * i - 1]), ARGV[4 * i] == '1'
  local buckets, used, shift = read(key, window)
  policies[i] = {key, limit, window, cost, buckets, used, used + cost <= limit, shift}
  admitted = admitted and (is_shadow or used + cost <= limit)
end

local answer = {admitted and 1 or 0}
for i, policy in ipairs(policies) do
  local key, limit, window, cost, buckets, used, admits, shift = unpack(policy)
  if admitted and admits then
    write(key, buckets, window, cost)
    used = used + cost
  elseif shift > 0 then
    write(key, buckets, window, 0) -- or time would stand still for the refused until the clock is back where it was
  end
  answer[3 * i - 1] = admits and 1 or 0
  answer[3 * i] = math.max(0, limit - used)
  answer[3 * i + 1] = wait(buckets, used + cost - limit, window)
end
return answer
