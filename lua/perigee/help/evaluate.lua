-- Documentation of the library evaluate; see perigee/help.lua for the form.

local indicators = require "perigee.indicators"

local function field(name, kind, text)
  return { name = "security." .. name, kind = "field", text = text, returns = { kind } }
end

local function member(name, kind, text)
  return { name = "diagnosis." .. name, kind = "field", text = text, returns = { kind } }
end

-- The indicators as the items of a list.
local function indicator_list()
  local lines = {}
  for k, one in ipairs(indicators) do lines[k] = ("  %-18s %s"):format(one.name, one.measures) end
  return table.concat(lines, "\n")
end

return {
  name = "evaluate",
  title = "Evaluation",
  summary = "How models fare under an attack of growing strength, and whether an attack proves anything.",
  entries = {
    {
      name = "evaluate.security",
      text = [[
Attacks every model at every dmax and counts what is correct, rejected, wrong already before the
attack, and evaded; and robust: correct before, and not evaded. At dmax 0 nothing is
attacked. Random noise of the same size is the baseline. The attack's own model and dmax do not matter.
Ctrl-C ends it with what is finished.

attack.fmn seeks each sample's least distance: it runs once, without a dmax, and the counts at every dmax
follow from the distances. What has not evaded within dmax counts there as it was before the attack.

The table that comes back prints as one, and plot.security draws it: s.models (names), s.dmax,
s.counts[name][k] and s.noise[name][k] with these counts at s.dmax[k] (see ?security). Where more than a
twentieth of the runs that failed had lost their gradient (result.flat) it says so: such counts prove
nothing.]],
      options = {
        { "models", "table", "none",
          "models by name, { cnn = net, dnr = defence }, or a list of models or of { name, model }" },
        { "attack", "attack", "none", "the attack, whose options hold for every model" },
        { "data", "dataset", "none", "the samples" },
        { "dmax", "number|number[]", "none", "growing radii" },
        { "noise", "boolean", "true", "count random noise of the same size as well" },
        { "seed", "integer", "the session's", "of noise and restarts" },
      },
      returns = { "security", "counts for every model and dmax" },
      example = [[
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
print(evaluate.security {
  models = { cnn = net, nr = reject.new { model = net, threshold = 5 } },
  attack = attack.pgd { norm = "l2" }, data = digits,
  dmax = { 0, 1, 2 }, seed = 1,
})]],
      see = { "plot.security", "attack.pgd_exp", "attack.fmn", "attack.noise" },
    },
    {
      name = "evaluate.diagnose",
      text = [[
Does an attack that found little prove anything, or did it fail for another reason than the model's
robustness? Of an attack's result it measures what that tells. Of { model =, data =, norm =, dmax = } it runs
the attack (attack.pgd, if none is given), then in other ways: with more steps, along smoothed gradients, on
the model inside, without a bound, beside noise; and looks at scores and gradient. Where the budget does not
reach for all samples, further runs have some of them, evenly spread.

What alarms, with its count, its samples, what it means and what to run next, prints as a table; "–" was not
measured. "No alarm" is no proof of robustness either: run attack.auto.]],
      params = { { "result", "result|table", "an attack's result; or the options below" } },
      options = {
        { "model", "model", "none", "the model" },
        { "data", "dataset", "none", "the samples" },
        { "attack", "attack", "attack.pgd", "the attack to judge; norm and dmax are its own if not given" },
        { "norm", '"l1"|"l2"|"linf"', "the attack's", "the norm" },
        { "dmax", "number", "the attack's", "the radius" },
        { "budget", "integer", "20000", "gradients to spend, of single samples, in all" },
        { "seed", "integer", "the session's", "of noise and restarts" },
      },
      returns = { "diagnosis", "what was measured" },
      example = [[
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
local timid = attack.pgd { norm = "l2", eta = 0.001, max_iter = 5 }
print(evaluate.diagnose {
  model = net, data = digits, dmax = 1, attack = timid, budget = 2000,
})
local result = attack.pgd({ model = net, dmax = 1 }):run(digits)
print(evaluate.diagnose(result).ok)]],
      see = { "diagnosis", "indicators", "result.flat", "reject.check", "attack.auto" },
    },
    {
      name = "security", kind = "value", group = "Answers",
      text = "What evaluate.security gives. It prints as a table; counts are those of result:counts.",
      example = [[
local s = evaluate.security {
  models = { cnn = nn.load("mnist-cnn") },
  attack = attack.fgsm { norm = "l2" },
  data = data.digits(10, { seed = 1 }), dmax = { 0, 2 }, noise = false,
}
print(s.counts.cnn[2].evaded)]],
      see = { "evaluate.security", "plot.security" },
    },
    {
      name = "indicators", kind = "value",
      text = "What evaluate.diagnose measures, in d.indicators:\n" .. indicator_list(),
      example = [[
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
local result = attack.fgsm({ model = net, dmax = 1 }):run(digits)
for _, one in ipairs(evaluate.diagnose(result).indicators) do
  if one.measured then print(one.name, one.count, one.of, one.alarm) end
end]],
      see = { "evaluate.diagnose" },
    },
    {
      name = "diagnosis", kind = "value",
      text = [[
What evaluate.diagnose gives. It prints as a table. An indicator is { name =, title =, measures =, meaning =,
next =, measured =, alarm = }, with count, of and samples (positions in the data) where it was measured, else
with the reason why not; lists have them by name as well, d.indicators.noise.]],
      example = [[
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
local result = attack.pgd({ model = net, dmax = 1 }):run(digits)
local d = evaluate.diagnose(result)
print(d.ok, #d.alarms, d.indicators.vanished_gradient.count)]],
      see = { "evaluate.diagnose", "diagnosis:csv" },
    },
    {
      name = "diagnosis:csv",
      text = [[
Writes a line for each indicator: indicator, alarm, count, of, samples, measures, meaning, next, reason.
Raises on failure.]],
      params = { { "path", "string", "the file" } },
      returns = { "string", "the path" },
      example = [[
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
local result = attack.pgd({ model = net, dmax = 1 }):run(digits)
local path = os.tmpname()
evaluate.diagnose(result):csv(path)
for line in io.lines(path) do print(line) end
os.remove(path)]],
      see = { "evaluate.diagnose" },
    },
    member("ok", "boolean", "Whether nothing alarms."),
    member("alarms", "table", "The indicators that alarm."),
    member("indicators", "table", "All indicators."),
    member("result", "result", "The direct attack's result."),
    member("gradients", "integer", "How many gradients were spent, of single samples."),
    member("interrupted", "boolean", "Whether it was stopped before the end."),
    field("models", "string[]", "The models' names."),
    field("dmax", "number[]", "The radii."),
    field("counts", "table", "counts[name][k]: the counts under attack at dmax[k]."),
    field("noise", "table", "noise[name][k]: the same under noise; empty if it was not wanted."),
    field("flat", "table",
      "flat[name][k]: how many of the runs that failed at dmax[k] had lost their gradient: ?result.flat."),
    field("n", "integer", "How many samples there are."),
    field("attack", "string", "The attack's name."),
    field("norm", "string", "Its norm."),
    field("seed", "integer?", "The seed that was given."),
    field("interrupted", "boolean", "Whether it was stopped before the end."),
  },
}
