-- Binary problems of SVMs on all ranks (farm.lua): those of every class, fold and C on one kernel matrix,
-- which each rank makes for itself. src/bind/bind_problems.c calls what is here.

local farm = require "perigee.farm"
local native = require "perigee.native"
local parcel = require "perigee.parcel"

local problems = {}

local last = setmetatable({}, { __mode = "v" }) -- whose memory the next matrix takes

-- Shared are the kernel and, raw, the samples; a task is a few problems, and an answer what was found.
problems.farm = {
  open = function(shared, samples)
    last.matrix = native.problems.matrix(shared, samples, last.matrix)
    return last.matrix
  end,
  run = native.problems.solve,
}

local half = { are_shared = function() return farm.ranks() > 1 end }
debug.getregistry()["perigee.problems"] = half

local ahead -- { of =, map = }: what was prepared last

-- What tells one matrix from another; nil where its kernel cannot travel.
local function name_of(shared, raw)
  local bytes = parcel.bytes(shared)
  return bytes and raw.name .. bytes
end

--- Before rank 0 makes this matrix: let the others begin theirs.
function half.prepare(shared, raw)
  local name = name_of(shared, raw)
  local map = name and farm.prepare { module = "perigee.problems", shared = shared, raw = raw }
  ahead = map and { of = name, map = map }
end

--- Solve the tasks, or by own(i) those that stay here; take(i, answer) gets the others'. False: interrupted.
function half.solve(where, shared, raw, tasks, own, take)
  return farm.each(where, {
    module = "perigee.problems", shared = shared, raw = raw, tasks = tasks, own = own, short = true,
    ahead = ahead and ahead.of == name_of(shared, raw) and ahead.map or nil,
    done = function(i, answer)
      if answer ~= true then take(i, answer) end
    end,
  })
end

--- From here on every fit asks.
problems.ask = native.problems.ask

return problems
