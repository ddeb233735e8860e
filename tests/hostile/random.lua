-- A generator that nothing in the program draws from: the same seed, entry and number give the same call.

local Random = {}
Random.__index = Random

local function mix(state)
  state = (state ~ state >> 30) * 0x4be98134a5976fd3
  state = (state ~ state >> 27) * 0x3bbcd5a3b3a5d9eb
  return state ~ state >> 31
end

--- From 0 to n − 1.
function Random:below(n)
  self.state = self.state + 0x1e3779b97f4a7c15
  return (mix(self.state) >> 1) % n
end

--- Does what happens so many times in a hundred happen?
function Random:chance(percent) return self:below(100) < percent end

function Random:pick(list) return list[self:below(#list) + 1] end

--- Of any numbers and texts.
function Random.of(...)
  local state = 0x1234567
  for i = 1, select("#", ...) do
    local word = tostring((select(i, ...)))
    for at = 1, #word do state = mix(state + word:byte(at)) end
    state = mix(state + 77)
  end
  return setmetatable({ state = state }, Random)
end

return Random
