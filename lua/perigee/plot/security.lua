-- plot.security: security evaluation curves: accuracy and rejection rate against the size of the
-- perturbation, a line a model; dashed with noise of the same size instead of the attack.
--
-- As in the paper, a clean sample that is rejected counts as an error, a perturbed one as a success
-- of the defence: accuracy is correct / n at dmax 0 and (correct + rejected) / n beyond. With
-- rejected = "error" it is correct / n throughout.

local figures = require "perigee.plot.figure"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

-- What an interrupted evaluation did not reach is a gap in the curve.
local function rates(counts, dmax, n, rejected)
  local accuracy, rejection = {}, {}
  for k, d in ipairs(dmax) do
    local c = counts[k]
    local held = c and c.correct or 0 / 0
    if c and rejected == "correct" and d > 0 then held = held + c.rejected end
    accuracy[k], rejection[k] = held / n, (c and c.rejected or 0 / 0) / n
  end
  return accuracy, rejection
end

local function draw(fig, security, options)
  local dmax, rejected = security.dmax, options.rejected or "correct"
  for _, noise in ipairs { false, true } do
    for i, name in ipairs(security.models) do
      local counts = (noise and security.noise or security.counts)[name]
      if counts then
        local accuracy, rejection = rates(counts, dmax, security.n, rejected)
        local look = {
          label = noise and name .. ", noise" or name, dash = noise and 2 or 1,
          color = style.colours[(i - 1) % #style.colours + 1], width = noise and 1.5 or 2,
          point = style.points[(i - 1) % #style.points + 1], size = noise and 0.4 or 0.7,
        }
        fig[1]:line(dmax, accuracy, look)
        look.label = nil
        fig[2]:line(dmax, rejection, look)
      end
    end
  end
end

local function check(where, security)
  if type(security) ~= "table" and type(security) ~= "userdata" then
    values.expected(where, "security", "the result of evaluate.security", security)
  end
  for _, key in ipairs { "models", "dmax", "counts", "n" } do
    if security[key] == nil then
      values.fail("%s: expected the result of evaluate.security, got a value without '%s'", where,
        key)
    end
  end
end

local function figure(where, security, options)
  check(where, security)
  local rejected = values.option(where, options, "rejected", "string", "correct")
  if rejected ~= "correct" and rejected ~= "error" then
    values.fail("%s: rejected: expected \"correct\" or \"error\", got %q", where, rejected)
  end
  local view = { models = values.list(where, "models", security.models), n = security.n,
    dmax = values.list(where, "dmax", security.dmax), counts = security.counts,
    noise = options.noise ~= false and security.noise or {} }
  local room = 0
  for _, name in ipairs(view.models) do
    room = math.max(room, style.legend_width(next(view.noise) and name .. ", noise" or name))
  end
  local fig = figures.new { columns = 2, title = options.title, right = room,
    width = options.width or 720 + room, height = options.height or 300 }
  draw(fig, view, options)
  for i, rate in ipairs { "accuracy", "rejection rate" } do
    fig[i].xlabel, fig[i].ylabel = "dmax", rate
    fig[i].yrange = { -0.03, 1.03 }
  end
  fig[1].legend = "right"
  return fig
end

return { options = { "noise", "rejected" }, figure = figure }
