-- Documentation of the library evaluate; see perigee/help.lua for the form.

return {
  name = "evaluate",
  title = "Evaluation",
  summary = "How models fare under an attack of growing strength.",
  entries = {
    {
      name = "evaluate.security",
      text = [[
Attacks every model at every dmax and counts what is correct, rejected and evaded; at dmax 0 nothing is
attacked. Random noise of the same size is the baseline. The attack's own model and dmax do not matter.
Ctrl-C ends it with what is finished.

The table that comes back prints as one, and plot.security draws it: s.models (names), s.dmax,
s.counts[name][k] and s.noise[name][k] with correct, rejected and evaded at s.dmax[k], s.n (samples).]],
      options = {
        { "models", "table", "none",
          "models by name, { cnn = net, dnr = defence }, or a list of models or of { name, model }" },
        { "attack", "attack", "none", "the attack, whose options hold for every model" },
        { "data", "dataset", "none", "the samples" },
        { "dmax", "table", "none", "growing radii" },
        { "noise", "boolean", "true", "count random noise of the same size as well" },
        { "seed", "integer", "the session's", "of noise and restarts" },
      },
      returns = { "security", "counts for every model and dmax" },
      example = [[
local net = nn.new {
  input = { 1, 8, 8 }, classes = { 0, 1, 2 }, seed = 1,
  nn.flatten {}, nn.linear { out = 3, name = "fc" },
}
local digits = data.new { x = array.rand(6, 8, 8, { seed = 2 }), y = { 0, 1, 2, 0, 1, 2 } }
print(evaluate.security {
  models = { net = net }, attack = attack.pgd { norm = "l2" }, data = digits, dmax = { 0, 0.5, 1 }, seed = 1,
})]],
      see = { "plot.security", "attack.pgd_exp", "attack.noise" },
    },
  },
}
