-- 08_attack.lua — an attack of one's own: its step in Lua, the rest as in every attack.

-- Momentum: each step goes along a mean of the gradients so far, in the norm's steepest direction, and steps
-- become shorter. The search begins at a random point on the edge of the ball around each sample. The state
-- says where the samples stand and answers what the step asks of the model (?state); where a step leads is
-- moved back into the ball and the bounds, scored and judged by the attack.
attack.define {
  name = "momentum", summary = "momentum steps of falling length from a random point of the ball",
  options = {
    decay = { 0.75, low = 0, high = 1, meaning = "what is left of the last direction" },
    first = { 0.5, low = 0, meaning = "the length of the first step, in units of dmax" },
  },
  step = function(state)
    if state.t == 1 then -- a random point at the edge
      return state.x0 + state:random("direction") * state.dmax
    end
    local memory, way = state.memory, (state.t - 1) / state.steps
    memory.direction = (memory.direction or 0) * state.options.decay + state:unit(state:gradient())
    local length = state.options.first * (1 - way) * state.dmax
    return state.x - state:unit(memory.direction) * length
  end,
}

local net = nn.load("mnist-cnn")
local digits = data.digits(100, { seed = 2 })

-- It is an attack as any other, with options, in ensembles and evaluations, in files: ?attack.momentum.
local momentum = attack.momentum { model = net, norm = "linf", dmax = 0.1 }
print(momentum)
local found = momentum:run(digits, { seed = 1 })
for _, result in ipairs { attack.fgsm { model = net, dmax = 0.1 }:run(digits), found } do
  print(("%-8s %d of %d evaded"):format(result.attack, result:counts().evaded, #result))
end
print(evaluate.security {
  models = { cnn = net }, attack = momentum, data = digits, dmax = { 0, 0.05, 0.1 }, seed = 1,
})
plot.attack(found[1], { file = "momentum.png" }) -- loss, confidence, the digit before and after
print("momentum.png")
