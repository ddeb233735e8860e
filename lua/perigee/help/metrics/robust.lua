-- Documentation of metrics/robust.lua; see perigee/help.lua for the form.

local parts = require "perigee.help.metrics.parts"

local field = parts.field

local small = [[
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
local result = attack.fgsm({ model = net, dmax = 0.1 }):run(digits)
]]

local halves = parts.attacked .. [[
local plain = pgd:with({ model = net, dmax = 0.75 }):run(digits)
]]

return {
  {
    name = "metrics.robust_accuracy",
    text = [[
The share of an attack's samples that held. What that means is a convention, rejection =
  detection  correct without the attack, and correct or rejected under it: one minus the robust risk with
             detection. A clean sample that is rejected is an error
  paper      correct or rejected under the attack, whatever it was before, as in the DNR paper. At dmax 0,
             where nothing is moved, correct alone: the paper counts a clean sample that is rejected as an
             error, and so does plot.security
  error      correct under the attack: a rejected sample is an error]],
    params = { { "result", "result", "of an attack" } },
    options = {
      { "rejection", '"detection"|"paper"|"error"', '"detection"', "what a rejected sample counts as" },
    },
    returns = { "number", "from 0 to 1" },
    example = small .. [[
print(metrics.robust_accuracy(result))
print(metrics.robust_accuracy(result, { rejection = "paper" }))]],
    see = { "result:counts", "metrics.robust_risk", "plot.security", "plot.compare" },
  },
  {
    name = "metrics.robust_risk",
    text = [[
The robust risk with detection (F. Tramèr, "Detecting adversarial examples is (nearly) as hard as
classifying them", ICML 2022), of the attack that was run and so from below:
  risk  P[f(x) ≠ y, or f(x + δ) is neither y nor rejected]
A clean sample that is rejected counts, and so does one that failed. It is one minus
metrics.robust_accuracy.]],
    params = { { "result", "result", "of an attack" } }, returns = { "number", "from 0 to 1" },
    example = small .. "print(metrics.robust_risk(result))",
    see = { "metrics.robust_accuracy", "metrics.half_radius", "metrics.wilson" },
  },
  {
    name = "metrics.half_radius",
    text = [[
The robust accuracy of a model that rejects, at dmax, beside that of one that does not at dmax / 2, with
Wilson intervals. A detector that is robust at some distance can be made a classifier that is as robust at
half of it (F. Tramèr, ICML 2022; the making is not efficient). So the detector's figure says no more than
the classifier's at half the distance, and one far above it is more likely a weak attack than a good
detector.]],
    params = {
      { "detector", "result", "of an attack at dmax on a model that rejects" },
      { "classifier", "result", "of one at half of it on a model that does not, on the same samples" },
    },
    returns = { "half_radius", "{ dmax, norm, samples, detector, classifier }" },
    example = halves .. "print(metrics.half_radius(result, plain))",
    see = { "metrics.robust_accuracy", "metrics.wilson" },
  },
  {
    name = "half_radius", kind = "value",
    text = "What metrics.half_radius gives: two robust accuracies side by side. It prints as a table.",
    example = halves .. "print(metrics.half_radius(result, plain).detector)",
    see = { "metrics.half_radius" },
  },
  field("half_radius.dmax", "number", "The detector's; the classifier's is half of it."),
  field("half_radius.norm", "string", "The norm of both."),
  field("half_radius.samples", "integer", "How many there are."),
  field("half_radius.detector", "interval", "Of the robust accuracy of the model that rejects."),
  field("half_radius.classifier", "interval", "Of that of the model that does not, at half the distance."),
}
