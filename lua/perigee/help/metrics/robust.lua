-- Documentation of metrics/robust.lua; see perigee/help.lua for the form.

local small = [[
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
local result = attack.fgsm({ model = net, dmax = 0.1 }):run(digits)
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
    see = { "result:counts", "plot.security" },
  },
}
