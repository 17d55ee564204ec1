-- Asks identity who makes a request. With a 200 it goes on with identity's Authorization in place of whatever was shown; refusals of
-- identity go to the client; everything else means that nobody knows.

local PASSED_ON = { "authorization", "cookie", "origin", "sec-fetch-site", "upgrade" }
local HANDED_BACK = { "www-authenticate", "retry-after", "content-type", "cache-control" }
local REFUSALS = { [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [503] = "Service Unavailable" }
local UNAVAILABLE = '{"type":"urn:countersign:error:forward_auth_unavailable",'
  .. '"title":"Nobody can say right now who makes this request","status":503,"code":"forward_auth_unavailable"}'
local BAD_REQUEST = '{"type":"urn:countersign:error:bad_request","title":"The request is not well-formed","status":400,"code":"bad_request"}'

local WHERE = "unix@" .. os.getenv("RUN_DIR") .. "/forward-auth.sock"
local TIMEOUT_MS = 6000

-- Headers as they came, also twice the same; HAProxy counts them from 0, its client from 1.
local function question(txn)
  local given = txn.http:req_get_headers()
  local host = given["host"] and given["host"][0] or ""
  local headers = {
    ["x-original-method"] = { txn.f:method() },
    ["x-original-url"] = { txn:get_var("txn.scheme") .. "://" .. host .. txn.f:pathq() },
  }
  for _, name in ipairs(PASSED_ON) do
    local values = {}
    local index = 0
    while given[name] and given[name][index] do
      values[#values + 1] = given[name][index]
      index = index + 1
    end
    if #values > 0 then headers[name] = values end
  end
  return headers
end

local function first(headers, name)
  local values = headers and headers[name]
  return values and (values[0] or values[1])
end

local function refuse(txn, status, headers, body)
  local reply = txn:reply({ status = status, reason = REFUSALS[status], body = body })
  for name, value in pairs(headers) do reply:add_header(name, value) end
  txn:done(reply)
end

core.register_action("forward-auth", { "http-req" }, function(txn, audience)
  local answer = core.httpclient():get({
    url = "http://identity/auth-request?audience=" .. audience,
    headers = question(txn),
    dst = WHERE,
    timeout = TIMEOUT_MS,
  })
  local status = answer and answer.status
  txn:set_var("txn.auth_status", status or 0)
  local token = status == 200 and first(answer.headers, "authorization")
  token = token and token:match("^Bearer .+")
  if token then
    txn.http:req_del_header("cookie")
    txn.http:req_set_header("authorization", token)
    -- Last of all: haproxy.cfg turns away whoever comes without it, for HAProxy goes on when this aborts.
    txn:set_var("txn.is_let_in", true)
  elseif REFUSALS[status] and first(answer.headers, "countersign-problem") then
    local headers = {}
    for _, name in ipairs(HANDED_BACK) do headers[name] = first(answer.headers, name) end
    refuse(txn, status, headers, answer.body)
  elseif status == 431 then
    -- The headers are more than the 16 KiB that identity reads.
    refuse(txn, 400, { ["content-type"] = "application/problem+json", ["cache-control"] = "no-store" }, BAD_REQUEST)
  else
    local headers = { ["content-type"] = "application/problem+json", ["cache-control"] = "no-store", ["retry-after"] = "5" }
    refuse(txn, 503, headers, UNAVAILABLE)
  end
end, 1)
