-- A model's scores of a long batch on all ranks (farm.lua), in the pieces that one process takes it in.
-- src/bind/bind_scoring.c calls what is here.

local farm = require "perigee.farm"
local native = require "perigee.native"

local scoring = {}

-- Shared are the model and what the rows are; a task is the bytes of some rows, and an answer those of their
-- scores.
scoring.farm = {
  open = function(shared) return shared end,
  run = function(shared, rows) return native.scoring.scores(shared.model, shared.about, rows) end,
}

local half = {}
debug.getregistry()["perigee.scoring"] = half

--- May other ranks answer for it? What is written in Lua, a model, layer or kernel, may count its calls.
function half.are_shared(model)
  return farm.ranks() > 1 and type(model) == "userdata" and #native.lua_models(model) == 0
    and #native.code(model) == 0
end

--- Score all tasks: by own(i) those that stay here; take(i, bytes) gets the others'. False: interrupted.
function half.scores(where, model, about, tasks, own, take)
  local ok, answer = pcall(farm.each, where, {
    module = "perigee.scoring", shared = { model = model, about = about }, tasks = tasks, own = own,
    done = function(i, answer)
      if answer ~= true then take(i, answer) end
    end,
  })
  if ok then return answer end
  -- as C would say it, which adds the user's line itself
  error(type(answer) == "string" and answer:gsub("^[^\n:]+:%d+: ", "") or answer, 0)
end

--- From here on every long batch asks.
scoring.ask = native.scoring.ask

return scoring
