-- Documentation of the library evaluate; see perigee/help.lua for the form.

local indicators = require "perigee.indicators"

local function field(name, kind, text)
  return { name = "security." .. name, kind = "field", text = text, returns = { kind } }
end

local function member(name, kind, text)
  return { name = "diagnosis." .. name, kind = "field", text = text, returns = { kind } }
end

local function of_validation(name, kind, text)
  return { name = "validation." .. name, kind = "field", text = text, returns = { kind } }
end

-- The indicators as the items of a list.
local function indicator_list()
  local lines = {}
  for k, one in ipairs(indicators) do lines[k] = ("  %-18s %s"):format(one.name, one.measures) end
  return table.concat(lines, "\n")
end

-- A small evaluation and a file's name, for examples.
local function saved(line)
  return [[
local s = evaluate.security {
  models = { cnn = nn.load("mnist-cnn") },
  attack = attack.fgsm { norm = "l2" },
  data = data.digits(10, { seed = 1 }), dmax = { 0, 2 }, noise = false,
}
local path = os.tmpname()
]] .. line .. "\nos.remove(path)"
end

-- A method that writes a file.
local function writer(name, words)
  return {
    name = "security:" .. name, text = words .. " Raises on failure.",
    params = { { "path", "string", "the file" } },
    returns = { "string", "the path" }, example = saved(("print(s:%s(path) == path)"):format(name)),
    see = { "security", "security:rows" },
  }
end

-- The methods of all records.
local record_methods = {}
for i, one in ipairs {
  { "save", "Writes it in the form that the file's name asks for by its ending: .csv, .json, .tex, .npz as "
    .. "the methods of those names do, and by any other to a file that perigee.load gives it back from." },
  { "csv", "Writes its rows as CSV, a line each, the columns' names first. Numbers are exact; infinite ones "
    .. "are inf, those that are none nan." },
  { "json", "Writes what it holds as JSON. Numbers are exact; what JSON has no number for is null." },
  { "latex", "Writes its rows as a tabular between the rules of the LaTeX package booktabs, names escaped." },
  { "npz", "Writes its arrays, or else the columns of its rows that hold numbers, into a compressed npz that "
    .. "numpy.load and data.read_npz read." },
} do
  local name, words = table.unpack(one)
  record_methods[i] = {
    name = "record:" .. name, text = words .. " Raises on failure.",
    params = { { "path", "string", "the file" } }, returns = { "string", "the path" },
    example = ([[
local path = os.tmpname()
metrics.wilson(3, 10):%s(path)
os.remove(path)]]):format(name),
    see = { "record", "perigee.load", "result:" .. name },
  }
end

return {
  name = "evaluate",
  title = "Evaluation",
  summary = "How models fare under an attack of growing strength, and whether an attack proves anything.",
  entries = {
    {
      name = "evaluate.security",
      text = [[
Attacks every model by every attack at every dmax and counts what is correct, rejected, wrong already
before the attack, and evaded; and robust: correct before, and not evaded. At dmax 0 nothing is attacked.
Random noise of the same size is the baseline. The attacks' own models and dmax do not matter.

A sample that has evaded within a radius has evaded within every larger one, so that curves never rise; it
is not attacked again. With warm, what an attack has not evaded from the sample itself it tries once more
from the point that the radius before ended at (not attack.pgd_exp, the paper's attack, unless asked for;
not attacks without the option start). max_queries holds for each of these runs. attack.fmn, which seeks
each sample's least distance, runs once for all radii. An attack is one of ours, an ensemble, or anything
that has norm, with(self, { model =, dmax = }) and run(self, samples, { seed = }), which answers a result
(attack.judge makes one) of these samples, within dmax. Its points are what counts: those of another model,
as of a surrogate's attack without result:rescore, are judged again by the model that is evaluated, unless
its own answers change from call to call. With a target, s.counts and rows have hit as well.

Repeat r draws `samples` of the data with the seed seed + r, and attacks have that seed too; a model given
as a function of r is built for each. With validation, which is not attacked, thresholds are set for
rejection_rate on copies; without it the models keep theirs.

The work is done in pieces: `block` samples of one model, attack and repeat, at all radii. With a checkpoint
folder each finished piece is a file there: ended in any way and started again, the evaluation goes on with
what is missing and comes to the numbers of an unbroken run, to the bit, for any number of threads. A folder
of other settings, data, seeds or models is refused, naming the difference, and a file that is another
piece's is done anew; a model in Lua, or with a part in Lua, or one that a function gives, is known by its
scores. Functions of one's own (an attack's step or objective, layers, kernels) are known by their code,
wherever it stands, and by what it refers to: local variables from outside, the functions that it calls,
arrays, tables as deep as four, and globals that are plain values, functions or tables of these; but not by
variables that they set themselves, as a counter. What is read by names made at run time, from files, by
methods of objects, or from global arrays and models is not seen. on_step counts by its code alone. Ctrl-C
ends it with the pieces that are finished. plot.live follows it.

shard = { i, n }, or perigee --shard i/n for all evaluations of a script, does the i-th of n shares of the
pieces, dealt evenly over models and attacks: n processes, on as many machines as you like, share the work.
What a shard gives prints its own samples only and has s.shard; evaluate.merge makes the whole of all of
them. With one checkpoint folder for all, the same call without a shard puts it together as well, and does
what is missing. docs/cluster.md has it for Slurm. Many samples take a larger block: each piece is a file.

measures are numbers of one's own beside the counts, in the table, rows, files, reports and plot.security:
{ name = function(s) … end, … }, or names of measures of labels in metrics, { "f1" }, one's own there too
(metrics.mine = function(labels, truth) … end). The function gives a number of the samples of one model
under one attack in one repeat at one dmax: s.y, s.label (-1 where rejected) and s.verdict, s.scores,
s.distance, s.queries (up to that dmax), s.flat, s.hit (of targeted attacks), before the attack
s.start_label, s.start_scores and s.start_verdict, s.at (positions in the data); s.model, s.attack,
s.dmax, s.norm, s.seed. The points themselves are not kept. Repeats are shown by their mean. A measure
that fails on the first piece ends the evaluation; behind it what fails is nan, and stderr says why. They
are no part of what a checkpoint folder is known by: ?security:measure adds more later.

What comes back prints as a table, and plot.security draws it: ?security. Where more than a twentieth of
the runs that failed had lost their gradient (result.flat) it says so: such counts prove nothing.]],
      options = {
        { "models", "table|model", "none",
          "models by name, { cnn = net, dnr = defence }, or a list of models or of { name, model }; or a "
            .. "model; or instead of a model a function of the repeat's number that gives one" },
        { "attacks", "table", "none", "attacks by name or as a list, all of one norm" },
        { "attack", "attack", "none", "instead of attacks: one" },
        { "data", "dataset|array", "none",
          "the samples; of an array, without labels, each model's answers before the attack are taken for "
            .. "the truth, which a line under the table says" },
        { "dmax", "number|number[]", "none", "growing radii" },
        { "samples", "integer", "all", "how many of the data a repeat draws" },
        { "repeats", "integer|integer[]", "1", "how many, or which are to be done here: ?evaluate.merge" },
        { "validation", "dataset", "none", "set thresholds on these" },
        { "rejection_rate", "number", "0.1", "the share of them that is to be rejected" },
        { "warm", "boolean", "by the attack", "try also from the point of the radius before" },
        { "noise", "boolean", "true", "count random noise of the same size as well" },
        { "block", "integer", "8", "samples of a piece" },
        { "checkpoint", "string", "none", "the folder that keeps finished pieces" },
        { "shard", "integer[]", "that of --shard", "{ i, n }: the i-th of n shares; { 1, 1 } is all" },
        { "measures", "table|function|string", "none",
          "numbers of one's own, { name = function(s) … end }, or names of measures in metrics" },
        { "seed", "integer", "the session's", "of samples, noise and restarts" },
      },
      returns = { "security", "counts for every model, attack and dmax" },
      example = [[
local net, digits = nn.load("mnist-cnn"), data.digits(30, { seed = 1 })
print(evaluate.security {
  models = { cnn = net, nr = reject.new { model = net, threshold = 5 } },
  attacks = { attack.fgsm { norm = "l2" }, attack.pgd { norm = "l2" } },
  data = digits, samples = 10, repeats = 2, dmax = { 0, 1, 2 },
  noise = false, seed = 1,
})]],
      see = { "security", "evaluate.report", "plot.security", "attack.auto",
        "attack.fmn", "attack.noise", "evaluate.merge" },
    },
    {
      name = "evaluate.merge",
      text = [[
Puts parts of one evaluation together: other repeats, models or attacks, on the same data at the same
radii, as several machines have made them; or the shards of one (evaluate.security's option shard), as
results, as files that were loaded, or as the checkpoint folders they were kept in, one for all or one each.
Of shards every piece must be there, else it says which are not; what comes of them is what one process makes,
to the bit, but for the seconds, and for measures of one's own, which security:measure adds. What is of
another evaluation is refused, naming the difference.]],
      params = { { "evaluations", "(security|string)[]",
        "what evaluate.security gave, or evaluate.load; or folders' names" } },
      returns = { "security", "all of them as one" },
      example = [[
local options = {
  models = nn.load("mnist-cnn"), attack = attack.fgsm { norm = "l2" },
  data = data.digits(30, { seed = 1 }), samples = 10, dmax = { 0, 1 },
  noise = false, seed = 1,
}
options.repeats = { 1 }
local first = evaluate.security(options)
options.repeats = { 2 }
print(evaluate.merge { first, evaluate.security(options) })

local shards = {}
for i = 1, 2 do
  options.shard = { i, 2 }
  shards[i] = evaluate.security(options)
end
print(evaluate.merge(shards))]],
      see = { "evaluate.security", "evaluate.load" },
    },
    {
      name = "evaluate.load",
      text = "Reads what security:save has written. Raises where the file holds no evaluation.",
      params = { { "path", "string", "the file" } },
      returns = { "security", "the same" },
      example = saved("print(evaluate.load(s:save(path)))"),
      see = { "security:save" },
    },
    {
      name = "evaluate.report",
      text = [[
Writes a page of HTML about an evaluation, an attack's result (of a run, attack.auto, attack.worst,
attack.judge, …) or a diagnosis, or about several, a section each. It is one file that needs nothing else:
it opens without a network and runs nothing, on light and dark screens, and prints.

Of an evaluation it has the curves (plot.security), the counts with Wilson's intervals, each repeat by
itself, thresholds, settings with checksums, queries and seconds; of a result its counts, parts and
settings, some runs (plot.attack), the first that were found (plot.attacks), and what evaluate.diagnose
says of it. What proves nothing, since gradients were masked say, is said before the figure.

At its end stand versions and the command that made it; a date only where it is asked for, so that the same
subjects give the same bytes. The file is written whole or not at all. Without gnuplot the page says where
figures are missing. Raises on failure.]],
      params = {
        { "subject", "security|result|diagnosis|table",
          "one, or a list of such; { title, subject } in a list gives a section's title" },
        { "path", "string", "the file" },
      },
      options = {
        { "title", "string", '"Perigee report"', "the page's title" },
        { "text", "string", "none", "what stands under it; empty lines part paragraphs" },
        { "rejection", '"detection"|"paper"|"error"', '"detection"', "what counts as held: ?plot.security" },
        { "date", "boolean|string", "none", "true for today's, or a text" },
        { "names", "table|dataset", "none",
          "what the figures of results call the classes, { [label] = name }, or a dataset that says it" },
      },
      returns = { "string", "the path" },
      example = [[
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
local pgd = attack.pgd { norm = "l2", max_iter = 10 }
local curves = evaluate.security {
  models = { cnn = net }, attack = pgd, data = digits, dmax = { 0, 1, 2 },
}
local result = pgd:with({ model = net, dmax = 1 }):run(digits)
local path = os.tmpname()
evaluate.report({ curves, { "At 1", result } }, path, { title = "The CNN" })
os.remove(path)]],
      see = { "evaluate.security", "evaluate.diagnose", "plot.security", "plot.attack" },
    },
    {
      name = "evaluate.diagnose",
      text = [[
Does an attack that found little prove anything, or did it fail for another reason than the model's
robustness? Of an attack's result it measures what that tells. Of { model =, data =, norm =, dmax = } it
runs the attack (attack.pgd, if none is given), then in other ways: with more steps, along smoothed
gradients, on the model inside, without a bound, beside noise; and looks at scores and gradient. Where the
budget does not reach for all samples, further runs have some of them, evenly spread.

What alarms, with its count, its samples, what it means and what to run next, prints as a table; "–" was
not measured: d.indicators.NAME.reason says why. Where no run failed there is little to measure, where
nothing was attacked (all wrong before, dmax 0) nothing. "No alarm" is no proof of robustness either: run
attack.auto. With a model dmax is above 0, and dmax, start, target and max_queries are one for all samples.]],
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
      text = [[
What evaluate.security gives. It prints as a table; counts are those of result:counts. With several attacks
s.counts are of all of them, where a sample has evaded if one of them has found how.

s.cells has what everything is counted from: a list of { model =, attack =, seed =, noise =, rows = }, one
of each model, attack and repeat. rows are arrays with a row a sample: at (position in the data), y, start
(the verdict before: 1 correct, 2 rejected, 3 wrong, 4 evaded, 5 failed), start_label, start_scores; and
with a column a radius verdict, label, distance, flat, scores and gradients (how many were asked for), hit
(of targeted attacks), and answer (the answers' scores, the model's columns last).]],
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
      name = "security:measure",
      text = [[
Works out more measures of what was kept, one that was loaded too, and shows them from then on; one of a name
that is there is worked out anew. What one of them raises is raised, and nothing is changed.]],
      params = { { "measures", "table|function|string", "as the option of evaluate.security" } },
      returns = { "security", "the evaluation itself" },
      example = [[
local s = evaluate.security {
  models = { cnn = nn.load("mnist-cnn") },
  attack = attack.fgsm { norm = "l2" },
  data = data.digits(10, { seed = 1 }), dmax = { 0, 2 }, noise = false,
}
s:measure { "f1", farthest = function(samples)
  return samples.distance:max()
end }
print(s)]],
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
What evaluate.diagnose gives. It prints as a table. An indicator is { name =, title =, measures =, meaning
=, next =, measured =, alarm = }, with count, of and samples (positions in the data) where it was measured,
else with the reason why not; detail says more where there is more to say. Lists have them by name as well,
d.indicators.noise.]],
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
    member("ok", "boolean", "Whether something was attacked, and nothing alarms."),
    member("attacked", "boolean", "Whether there was a sample to attack, within more than 0."),
    member("alarms", "table", "The indicators that alarm."),
    member("indicators", "table", "All indicators."),
    member("result", "result", "The direct attack's result."),
    member("gradients", "integer", "How many gradients were spent, of single samples."),
    member("interrupted", "boolean", "Whether it was stopped before the end."),
    {
      name = "security:rows",
      text = [[
A table for each model, attack and radius: model, attack, dmax, samples, the counts, accuracy (the share
that is robust) with Wilson's interval low and high at 95 %, for as many samples as are different (those
that several repeats drew count once), queries (scores and gradients of a sample on average, up to this
radius) and seconds (of all radii, the same in each of their rows); hit where attacks are targeted. With
several attacks, rows with the attack "all" count the worst; measures are by their names.]],
      returns = { "table[]", "the rows" },
      example = saved("for _, row in ipairs(s:rows()) do print(row.dmax, row.accuracy) end"),
      see = { "security:csv", "metrics.wilson" },
    },
    {
      name = "security:views",
      text = [[
Each repeat alone, as plain tables with models, dmax, counts, flat, noise, n, and of measures measured and
measured_noise: what plot.security draws.
With several attacks, a model under each of them is one: "dnr, auto".]],
      returns = { "table[]", "one for each repeat" },
      example = saved("print(#s:views(), s:views()[1].n)"),
      see = { "plot.security" },
    },
    writer("save", "Writes all of it to a file that evaluate.load and perigee.load read; or, by the ending "
      .. "of the name, .csv, .json, .tex or .npz, what the methods of those names do. Of other endings all "
      .. "but .safetensors and none are refused."),
    writer("csv", "Writes its rows, a line each."),
    writer("latex", "Writes its rows as a tabular of LaTeX, with the rules of booktabs."),
    writer("json", "Writes settings, versions and rows as JSON."),
    writer("npz", "Writes the arrays of every cell for NumPy: \"model/attack/seed/verdict\" and so on."),
    field("models", "string[]", "The models' names."),
    field("attacks", "string[]", "The attacks' names."),
    field("shard", "integer[]|nil", "{ i, n } where it is one of n shards: ?evaluate.merge."),
    field("by_attack", "table", "by_attack[name]: counts, flat, noise and n under that attack alone."),
    field("cells", "table[]", "The samples themselves, by model, attack and repeat."),
    field("seeds", "integer[]", "The seed of each repeat."),
    field("repeats", "integer[]", "Their numbers."),
    field("thresholds", "table", "thresholds[name][seed]: those of the models that reject."),
    field("rejection_rate", "number?", "What thresholds were set for; nil where they were the models'."),
    field("settings", "table[]", "What it is of, { what, text }; data and models by their checksums."),
    field("written_by", "string", "Versions of the program that ran it: perigee.header()."),
    field("has_noise", "boolean", "Whether noise was counted."),
    field("unlabelled", "boolean?", "true where the data had no labels; nil otherwise."),
    field("dmax", "number[]", "The radii."),
    field("counts", "table", "counts[name][k]: the counts at dmax[k], under all attacks, over all repeats."),
    field("noise", "table", "noise[name][k]: the same under noise; empty if it was not wanted."),
    field("flat", "table",
      "flat[name][k]: how many of the runs that failed at dmax[k] had lost their gradient: ?result.flat."),
    field("n", "integer", "How many samples there are."),
    field("attack", "string", "The attacks' names in one text."),
    field("norm", "string", "Their norm."),
    field("seed", "integer", "The seed that repeats count from."),
    field("interrupted", "boolean", "Whether it was stopped before the end."),
    {
      name = "evaluate.cross_validate", group = "Cross-validation",
      text = [[
Any model's measures on samples that it did not learn: for each fold a clone of the model is fitted to the
other folds and measured on that one. The model itself stays as it is. A measure is the name of one in metrics
that gives a number for a model and a dataset ("accuracy", "rejection_rate"), "error", or a function of both
under a name of its own. Ctrl-C gives what the finished folds say. Under mpirun ranks share the folds; what
a fit draws at random follows from a seed of the fold's own, so that it is the same for any number of them.
What a function of yours changes outside of itself stays on the rank where it ran. One that waits
(coroutine.yield) leaves the session's random numbers to what runs meanwhile.]],
      params = {
        { "model", "model", "any that can be cloned and fitted; one in Lua needs the methods clone and fit" },
        { "data", "dataset", "what is divided" },
      },
      options = {
        { "folds", "integer|array", "5", "how many, or the fold of each sample" },
        { "metrics", "table", '{ "accuracy" }', "names, and functions under names" },
        { "stratified", "boolean", "true", "whether drawn folds have the classes alike" },
        { "seed", "integer", "the session's", "of the folds" },
      },
      returns = { "validation", "a record that prints as a table" },
      example = [[
local ds = data.digits(120, { seed = 1 })
local model = classic.pipeline { "standard", classic.knn { k = 3 } }
print(evaluate.cross_validate(model, ds, { folds = 4, seed = 1,
  metrics = { "accuracy", size = function(_, held) return #held end },
}))]],
      see = { "dataset:folds", "svm.search", "metrics.accuracy", "model:clone" },
    },
    of_validation("values", "table", "By measure: the list of the folds' values."),
    of_validation("mean", "table", "By measure: the mean over the folds."),
    of_validation("std", "table", "By measure: the standard deviation over the folds (over their number)."),
    of_validation("metrics", "string[]", "The measures' names."),
    of_validation("folds", "integer", "How many folds there are."),
    of_validation("done", "integer", "How many were finished; fewer after Ctrl-C."),
    of_validation("model", "string", "What the model prints as."),
    {
      name = "record", kind = "value", group = "Tables and their files",
      text = [[
What measures, trainings and evaluations give: the tables of nn.train, metrics (report, confusion, roc, rerr,
optimality, half_radius, intervals), evaluate.security, diagnose and cross_validate, dnr.tune, svm.search and
reject.check. A record prints; save and restore keep it as what it is; and it goes to files by its methods:
r:save("table.tex") by the ending of the name, or r:csv, r:json, r:latex and r:npz. Attacks' results have the
same methods.]],
      example = [[
local interval = metrics.wilson(3, 10)
local path = os.tmpname()
print(perigee.load(interval:save(path)))
os.remove(path)]],
      see = { "record:save", "result:save", "perigee.load", "save" },
    },
    table.unpack(record_methods),
  },
}
