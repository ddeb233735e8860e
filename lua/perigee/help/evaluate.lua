-- Documentation of the library evaluate; see perigee/help.lua for the form.

local function field(name, kind, text)
  return { name = "security." .. name, kind = "field", text = text, returns = { kind } }
end

return {
  name = "evaluate",
  title = "Evaluation",
  summary = "How models fare under an attack of growing strength.",
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
s.counts[name][k] and s.noise[name][k] with these counts at s.dmax[k] (see ?security).]],
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
    field("models", "string[]", "The models' names."),
    field("dmax", "number[]", "The radii."),
    field("counts", "table", "counts[name][k]: the counts under attack at dmax[k]."),
    field("noise", "table", "noise[name][k]: the same under noise; empty if it was not wanted."),
    field("n", "integer", "How many samples there are."),
    field("attack", "string", "The attack's name."),
    field("norm", "string", "Its norm."),
    field("seed", "integer?", "The seed that was given."),
    field("interrupted", "boolean", "Whether it was stopped before the end."),
  },
}
