-- The Lua half of the library attack: how attacks print; several as one; a model written in Lua is looked
-- at before it is attacked.

local auto = require "perigee.auto"
local check = require "perigee.gradient_check"
local define = require "perigee.define"
local ensemble = require "perigee.ensemble"
local native = require "perigee.native"
local rebuild = require "perigee.rebuild"
local worst = require "perigee.worst"
require "perigee.matching"
require "perigee.result"

local meta = debug.getregistry()["perigee.attack"]

local shown = { "objective", "direction", "model", "surrogate", "guides", "start", "start_from", "target",
  "on_step" }

-- "attack.pgd_exp: l2, dmax 2, eta 0.1, …, model dnr, target 3"
function meta.__tostring(attack)
  local text, held = meta.words(attack), debug.getuservalue(attack, 1)
  for _, name in ipairs(shown) do
    local value = held[name]
    if value ~= nil then
      local is_model = name == "model" or name == "surrogate"
      local kind = is_model and (type(value) == "table" and "lua" or value.kind)
      local words = kind or type(value) == "string" and value or native.describe(value)
      text = ("%s, %s %s"):format(text, name, words)
    end
  end
  return text
end

-- What has been looked at: the functions that its models written in Lua had then.
local seen = setmetatable({}, { __mode = "k" })

-- `parts`: those models, the whole itself or what it holds.
local function is_seen(whole, parts)
  local had, now, same = seen[whole], {}, true
  for _, part in ipairs(parts) do
    now[#now + 1], now[#now + 2] = part.scores, part.gradient
  end
  for i, f in ipairs(now) do same = same and had and had[i] == f end
  seen[whole] = now
  return same
end

-- Is there a gradient that claims to be that of the scores?
local function can_be_looked_at(parts)
  for _, part in ipairs(parts) do
    if part.gradient_is == "surrogate" or type(part.gradient) ~= "function" then return false end
  end
  return #parts > 0
end

-- A wrong gradient makes a model look robust, also where a part of it has one. What the check itself cannot
-- do, the run will tell of. Called by every run (src/bind/bind_attack.c); nothing of it is counted.
debug.getregistry()["perigee.look"] = function(model, x)
  if native.farm.ranks() > 0 then return end -- what all ranks would say is said by the first
  local bare = type(model) == "table"
  local parts = bare and { model } or native.lua_models(model)
  if not can_be_looked_at(parts) or is_seen(model, parts) then return end
  local ok, found = pcall(check.run, model, x)
  if ok and (not found.ok or found.flat or found.unchecked) then
    local what = bare and "model written in Lua" or model.kind .. ", with a part written in Lua"
    io.stderr:write("attack: this ", what, ": ", found.message, "\n")
  end
end

attack.worst = worst.of

function attack.auto(options) return auto.new(options) end

function attack.define(definition) return define.new(definition) end

function attack.from(result, options) return rebuild.from(result, options) end

function attack.ensemble(attacks) return ensemble.new(attacks) end

return attack
