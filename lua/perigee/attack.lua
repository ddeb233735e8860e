-- The Lua half of the library attack: how attacks print; several as one; a model written in Lua is looked
-- at before it is attacked.

local auto = require "perigee.auto"
local check = require "perigee.gradient_check"
local ensemble = require "perigee.ensemble"
local native = require "perigee.native"
local worst = require "perigee.worst"

local meta = debug.getregistry()["perigee.attack"]

-- "attack.pgd_exp: l2, dmax 2, eta 0.1, …, model dnr, target 3"
function meta.__tostring(attack)
  local text, held = meta.words(attack), debug.getuservalue(attack, 1)
  for _, name in ipairs { "model", "start_from", "target" } do
    local value = held[name]
    if value ~= nil then
      local kind = name == "model" and (type(value) == "table" and "lua" or value.kind)
      text = ("%s, %s %s"):format(text, name, kind or native.describe(value))
    end
  end
  return text
end

-- Models that have been looked at: the functions that they had then.
local seen = setmetatable({}, { __mode = "k" })

local function is_seen(model)
  local had = seen[model]
  seen[model] = { scores = model.scores, gradient = model.gradient }
  return had and had.scores == model.scores and had.gradient == model.gradient
end

-- A wrong gradient makes a model look robust. What the check itself cannot do, the run will tell of. Called
-- by every run (src/bind/bind_attack.c); nothing of it is counted.
debug.getregistry()["perigee.look"] = function(model, x)
  if model.gradient_is == "surrogate" or type(model.gradient) ~= "function" or is_seen(model) then return end
  local ok, found = pcall(check.run, model, x)
  if ok and (not found.ok or found.flat or found.unchecked) then
    io.stderr:write("attack: this model written in Lua: ", found.message, "\n")
  end
end

attack.worst = worst.of

function attack.auto(options) return auto.new(options) end

function attack.ensemble(attacks) return ensemble.new(attacks) end

return attack
