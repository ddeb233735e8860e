-- At dmax 0 plot.security and metrics.robust_accuracy told different accuracies by the paper's convention,
-- which counts a clean sample that is rejected as an error.

local lu = require "luaunit"

TestConventionsAtZero = {}

local d = data.digits(60, { seed = 1, classes = { 1, 7 } })
local clean = data.digits(40, { seed = 2, classes = { 1, 7 } })
local machine = svm.new({ kernel = svm.rbf(0.02) }):fit(d)
local model = reject.new { model = machine, threshold = 0 }
model.threshold = model:threshold_for(0.3, clean)

function TestConventionsAtZero:test_figures_and_metrics_agree()
  local pgd = attack.pgd { model = model, norm = "l2", max_iter = 5 }
  local security = evaluate.security {
    models = { nr = model }, attack = pgd, data = clean, dmax = { 0, 0.5, 2 }, seed = 1, noise = false,
  }
  lu.assertEquals(security.counts.nr[1].rejected, 12)
  for _, rejection in ipairs { "detection", "paper", "error" } do
    local figure = require("perigee.plot.security").figure("test", security, { rejection = rejection })
    local drawn = figure[1].series[1].columns[2]
    for k, dmax in ipairs(security.dmax) do
      pgd.dmax = dmax
      lu.assertAlmostEquals(metrics.robust_accuracy(pgd:run(clean, { seed = 1 }), { rejection = rejection }),
        drawn[k], 1e-9, rejection)
    end
  end
end

function TestConventionsAtZero:test_saved_results_too()
  local noise = attack.noise { model = model, dmax = 0, seed = 1 }
  local result, path = noise:run(clean), os.tmpname()
  local again = perigee.load(result:save(path))
  os.remove(path)
  for _, each in ipairs { result, again, result:rescore(model) } do
    lu.assertAlmostEquals(metrics.robust_accuracy(each, { rejection = "paper" }), each:counts().correct / 40,
      1e-9)
  end
end
