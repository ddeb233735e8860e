-- A model's scores of a long batch on all ranks (farm.lua), in the pieces that one process takes it in.
-- src/bind/bind_scoring.c calls what is here.

local farm = require "perigee.farm"
local native = require "perigee.native"

local scoring = {}

-- Shared are the model and, raw, the rows; a task is the first and the last of a piece, and an answer the
-- bytes of its scores.
scoring.farm = {
  open = function(shared, bytes)
    return { model = shared.model, rows = shared.rows, bytes = bytes }
  end,
  run = function(state, task)
    return native.scoring.scores(state.model, state.bytes, state.rows, task[1], task[2])
  end,
}

local half = {}
debug.getregistry()["perigee.scoring"] = half

--- May other ranks answer for it? What is written in Lua, a model, layer or kernel, may count its calls.
function half.are_shared(model)
  return farm.ranks() > 1 and type(model) == "userdata" and #native.lua_models(model) == 0
    and #native.code(model) == 0
end

--- Score all pieces of `most` rows: by own(i) those that stay here; take(i, bytes) gets the others'.
function half.scores(where, model, raw, rows, most, own, take)
  local tasks = {}
  for first = 1, rows.n, most do tasks[#tasks + 1] = { first, math.min(first + most - 1, rows.n) } end
  farm.each(where, {
    module = "perigee.scoring", shared = { model = model, rows = rows }, raw = raw, tasks = tasks, own = own,
    done = function(i, answer)
      if answer ~= true then take(i, answer) end
    end,
  })
end

--- From here on every long batch asks.
scoring.ask = native.scoring.ask

return scoring
