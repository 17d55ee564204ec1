/**
 * The one way in which the stream is written to: everything is looked at and written in a single step, so that no other
 * writer and no loss can come in between.
 *
 * KEYS: the stream; a hash beside it, in which the writer keeps what it knows of the stream.
 * ARGV: 1 term · 2 position to be written up to · 3 operation (`adopt`, `begin`, `append`) · 4–6 generation, position and
 * newest id that the writer believes the stream to have (for `append`) · 7 generation and 8 completeness (0, 1) from here
 * on · 9 latest time for this write, ms of Redis time, or 0 · 10 trim: database time in ms, or 0 · 11 retention in ms
 * · 12 number of permanent entries · then field and value of those, then of the entries to append.
 *
 * Answers `[verdict, now, …]`. Verdicts: `ok`; `fenced` (a later term has written here); `behind` (a later epoch has);
 * `late`; `lost` (the stream is not as this writer left it).
 */
export const WRITE_SCRIPT = `
local stream, state = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
local function refuse(verdict, detail) return { verdict, whole(now), detail } end
local function epoch(position) return tonumber(string.match(position, '^%d+')) end

local known = redis.call('HMGET', state, 'term', 'generation', 'position', 'complete', 'length', 'last', 'permanent_at', 'began')
local term, generation, position = known[1], known[2], known[3]
if term and tonumber(term) > tonumber(ARGV[1]) then return refuse('fenced', term) end
if position and epoch(position) > epoch(ARGV[2]) then return refuse('behind', position) end
if ARGV[9] ~= '0' and now > tonumber(ARGV[9]) then return refuse('late', '') end

local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
local last = newest and newest[1] or ''
local length = redis.call('XLEN', stream)
local untouched = generation and whole(length) == known[5] and last == known[6]

if ARGV[3] == 'adopt' then
  redis.call('HSET', state, 'term', ARGV[1])
  local complete = untouched and known[4] == '1'
  return { 'ok', whole(now), generation or '0', position or '', complete and '1' or '0', last }
end
if ARGV[3] == 'append' then
  if not generation or length == 0 then return refuse('lost', 'the stream is gone') end
  if generation ~= ARGV[4] or position ~= ARGV[5] or last ~= ARGV[6] then
    return refuse('lost', 'the stream is another copy than the one last written to')
  end
  if not untouched then return refuse('lost', 'entries were taken out of the stream, or put in') end
end

local function add(index)
  local field, value = ARGV[index], ARGV[index + 1]
  length = length + 1
  if field == 'h' and ARGV[8] == '1' then
    value = string.sub(value, 1, -2) .. ',"n":' .. whole(length) .. '}'
  end
  last = redis.call('XADD', stream, '*', field, value)
end

local permanentAt = ARGV[3] == 'begin' and whole(now) or known[7]
local entries = 13 + 2 * tonumber(ARGV[12])
if ARGV[10] ~= '0' then
  local horizon = math.min(now, tonumber(ARGV[10])) - tonumber(ARGV[11])
  if tonumber(permanentAt) <= horizon + 1000 then
    for index = 13, entries - 1, 2 do add(index) end
    permanentAt = whole(now)
  end
  redis.call('XTRIM', stream, 'MINID', '~', whole(math.max(0, horizon)), 'LIMIT', 0)
  length = redis.call('XLEN', stream)
end
for index = entries, #ARGV, 2 do add(index) end
local began = known[8] or ''
if ARGV[3] == 'begin' then began = last end
if ARGV[3] == 'append' and known[4] == '0' and ARGV[8] == '1' then
  -- A finished re-emission replaces everything before it, whatever that was.
  redis.call('XTRIM', stream, 'MINID', '=', began)
  length = redis.call('XLEN', stream)
end
redis.call('HSET', state, 'term', ARGV[1], 'generation', ARGV[7], 'position', ARGV[2], 'complete', ARGV[8],
  'length', whole(length), 'last', last, 'permanent_at', permanentAt, 'began', began)
return { 'ok', whole(now), ARGV[7], ARGV[2], ARGV[8], last }
`;
