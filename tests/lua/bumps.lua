-- A model written in Lua for tests of attacks: score c of a sample is −‖x − centre c‖²; it rejects far from
-- all centres. Calls and rows are counted.
local bumps = {}

bumps.centres = array.new { { 0.1, 0.1, 0.9 }, { 0.9, 0.1, 0.1 }, { 0.1, 0.9, 0.1 } }

--- `rest`: fields of the model besides.
function bumps.new(threshold, rest)
  local model = {
    classes = { 0, 1, 2 }, rejects = true,
    score_calls = 0, gradient_calls = 0, score_rows = 0, gradient_rows = 0,
  }
  for key, value in pairs(rest or {}) do model[key] = value end
  function model:scores(x)
    self.score_calls, self.score_rows = self.score_calls + 1, self.score_rows + #x
    local columns = {}
    for c = 1, 3 do
      local away = x - bumps.centres[c]
      columns[c] = -(away * away):sum(2)
    end
    columns[4] = array.ones(#x) * threshold
    return array.stack(columns, 2)
  end
  function model:gradient(x, w)
    self.gradient_calls, self.gradient_rows = self.gradient_calls + 1, self.gradient_rows + #x
    local total = array.zeros(x.shape)
    for c = 1, 3 do total = total + (x - bumps.centres[c]) * w:slice(nil, { c, c }) * -2 end
    return total
  end
  return model
end

return bumps
