-- Documentation of the library grad; see perigee/help.lua for the form.

local inputs = { "x", "array|table|number…", "the inputs: arrays of floats, tables of such; or numbers" }

return {
  name = "grad",
  title = "Gradients",
  summary = "Gradients of functions of arrays and models, by reverse-mode differentiation.",
  entries = {
    {
      name = "grad.value",
      text = [[
A function's number and its gradient. value, g = grad.value(f, x) calls f(x), whose answer is one
number, as x:sum() is, and goes back from it to x. g has the shape and the type of x.

With several inputs there are as many gradients, value, g1, g2 = grad.value(f, x1, x2). An input that is
a table of arrays (of tables, and so on) gets a table of gradients with the same keys; what is neither
(a string, a number, a function) is handed on to f and gets nil. Without any array the numbers are the
inputs, grad.value(f, 3), and each gets a number. Where the answer does not depend on an input its
gradient is zero. Further results of f stand behind the gradients: value, g, logits = grad.value(f, x).
Other variables that f uses are constants; what f leaves in them is an ordinary array afterwards.
?traced tells what f may do.]],
      params = { { "f", "function", "what is differentiated" }, inputs },
      returns = { "number", "the value, and then the gradients" },
      example = [[
local x = array.new { 1, 2, 3 }
print(grad.value(function(v) return (v * v):sum() end, x))
local layer = { w = array.randn(2, 3), b = array.zeros(2) }
local _, g = grad.value(function(p)
  return (p.w:matmul(x) + p.b):square():sum()
end, layer)
print(g.w.shape, g.b)
print(grad.value(function(t) return t ^ 3 end, 2))]],
      see = { "grad.vjp", "traced", "grad.model" },
      words = "autograd autodiff backward backpropagation derivative jacobian value_and_grad differentiate",
    },
    {
      name = "grad.vjp",
      text = [[
A function's answer, and the way back from it. y, pull = grad.vjp(f, x) gives y = f(x), an array or a
number, and pull(w) the gradient of Σ w · y for weights w of y's shape (for a number 1, where none are
given): the vector-Jacobian product. Further results of f stand behind pull. pull may be called as often
as one wants. What it needs is freed when it is collected, or where local y, pull <close> ends. Inputs
are those of grad.value.

The numbers that it needs are shared with x, y and constants, not copied: pull fails, and says where they
were used, once something was written into them (y:add_(1)). So it does when a model that f has asked was
trained since.]],
      params = { { "f", "function", "what is differentiated" }, inputs },
      returns = { "array|number", "y, and then pull" },
      example = [[
local x = array.new { 1, 2, 3 }
local y, pull = grad.vjp(function(v) return v:square() end, x)
print(y)
print(pull(array.new { 1, 0, 2 }))]],
      see = { "grad.value", "traced" },
      words = "jacobian pullback backward",
    },
    {
      name = "grad.check",
      text = [[
How far a gradient is from central differences. It is the largest relative error among eight random
directions, each with the best of three steps, in double. Below 1e-6 it is right, but for models in
float32 inside, which leave about 1e-2. For straight_through, whose gradient is another on purpose, it
is large. Inputs are those of grad.value; what f answers, a number or an array.]],
      params = { { "f", "function", "what is differentiated" }, inputs },
      returns = { "number", "the largest relative error" },
      example = [[
local x = array.randn(3, 4)
print(grad.check(function(v) return v:tanh():sum(2) end, x) < 1e-6)]],
      see = { "grad.value", "traced" },
      words = "gradcheck finite differences numerical",
    },
    {
      name = "traced", kind = "value", group = "Inside a function",
      text = [[
What a function may do with its inputs. Inside grad.value and grad.vjp they are traced: arrays as all
others, whose operations are recorded. What an array function makes of them is traced as well.

Recorded are arithmetic and the elementwise functions with broadcasting, where, clip, maximum and
minimum; sum prod mean var std min max norm, cumsum; matmul dot outer; reshape flatten transpose T
squeeze expand_dims broadcast_to, slice, x[i], x[{a, b}], x[mask], x[positions], at, take, compress,
sort, concatenate, stack, astype, copy; relu sigmoid softplus softmax log_softmax logsumexp linear conv2d
maxpool; gather diag median
percentile; solve inv eigh svd (vectors where no two of their values are equal). grad.operations() is
the whole list.

Numbers: a full reduction, x:at(i, j), x[i] of one axis or the dot product of two vectors gives a traced
scalar, an array without axes that counts in types as the number it stands for. Arithmetic and array
functions take it; <, <=, > and >= compare its value, also with numbers. == with a number is always
false in Lua: write s:item() == 0, item being the number itself. Lua's math functions do not take it:
s:exp(), not math.exp(s). Numbers have these methods too (exp, sqrt, clip, maximum, item, …), so that the
function runs without grad as well.

Constants: comparisons and masks, sign, floor, round and the like, argmax and argsort, shapes. So is
whatever grad.stop has gone through.

Models: m:scores(x) of nets, svm, dnr and so on is one operation, whose way back is the model's own
m:gradient, and so is net:forward. Of a model written in Lua, which is an ordinary table, the operations
of its scores are recorded; a gradient that it has of its own counts where the program asks for it: in
attacks, in DNR, behind reject.new.

Refused, with the name of the function: writing into a traced array or into one whose numbers the way
back needs (x:add_, x[i] = v); functions without a gradient (unique, totable, …), unless of
grad.stop(x); inputs of integers; a coroutine.yield out of f; gradients of gradients, which are not
computed.

Where a slope is not unique: abs has 0 at 0, and so has norm; maximum and minimum share it in halves
between two equal numbers; min, max and the norm math.huge share it among all equal ones (PyTorch's
amax); clip has 1 at its bounds; sort sends it to where each number came from, equal ones in their
order.

What fails on the way back is told with the operation and the line of f that asked for it. Each step
frees what it needed, but for grad.vjp.]],
      example = [[
local x = array.new { 3, -1, 2 }
print(grad.value(function(v)
  local s = v:square():sum()
  if s > 10 then return s:sqrt() end -- a branch by the value
  return s
end, x))]],
      see = { "grad.value", "grad.stop", "grad.operations" },
    },
    {
      name = "grad.stop",
      text = [[
A constant with x's numbers. The gradient does not go through it. Outside of a recorded function it is x
again. It shares the numbers, and copies nothing.]],
      params = { { "x", "array|number", "what becomes a constant" } },
      returns = { "array|number", "the constant" },
      example = [[
local x = array.new { 1, 2 }
print(grad.value(function(v) return (v * grad.stop(v)):sum() end, x))]],
      see = { "traced", "grad.straight_through" },
      words = "detach stop_gradient",
    },
    {
      name = "grad.straight_through",
      text = [[
A function with a gradient of your own. forward(x) makes the value, backward(dy, x, y) the gradient with
respect to x from that with respect to y = forward(x), both of x's shape. Without backward dy goes
through as it is: the straight-through estimator, for BPDA on a defence whose own gradient is zero or
missing. forward may do what it likes; it is not recorded. What is traced in f beside x, another
argument or a variable of forward's, would lose its gradient and is refused there: grad.stop(w). A model
whose scores go through one says gradient_is = "surrogate".]],
      params = {
        { "forward", "function", "x → the value" },
        { "backward", "function?", "dy, x, y → the gradient" },
      },
      returns = { "function", "x → forward(x)" },
      example = [[
local quantise = grad.straight_through(function(x)
  return (x * 4):round() / 4
end)
local x = array.new { 0.3, 0.8 }
print(quantise(x))
print(grad.value(function(v) return quantise(v):square():sum() end, x))]],
      see = { "grad.model", "grad.stop" },
      words = "bpda custom_vjp custom_gradient ste",
    },
    {
      name = "grad.operations",
      text = "Names of what is recorded, and of what is constant.",
      returns = { "string[]", "two lists" },
      params = {},
      example = [[
local recorded, constant = grad.operations()
print(#recorded, table.concat(constant, " "))]],
      see = { "traced" },
    },
    {
      name = "grad.model", group = "Models",
      text = [[
A model whose gradient follows from its scores. It is a table, as all models written in Lua, with
classes (labels in rising order) and scores(self, x), n × classes numbers of the n rows of x, out of
which model:gradient is made. Everything else in the table stays as it is: features, input, rejects,
fit, what scores uses; a gradient of your own is kept. It can be attacked, rejected by NR, used as a
layer's classifier in DNR, evaluated and diagnosed. x is float32; scores may be float64. Randomness in
scores is what samples = of an attack averages over.]],
      params = { { "model", "table", "{ classes =, scores = function(self, x) … end, … }" } },
      returns = { "table", "the model" },
      example = [[
local a, b = array.new { 0, 0 }, array.new { 1, 1 }
local model = grad.model {
  classes = { 0, 1 }, features = 2,
  scores = function(_, x)
    local to_a, to_b = (x - a):norm(2), (x - b):norm(2)
    return array.stack({ -to_a, -to_b }, 2)
  end,
}
print(model)
local pgd = attack.pgd { model = model, norm = "l2", dmax = 1 }
print(pgd:run(array.new { { 0.2, 0.1 } }, { y = { 0 } }))]],
      see = { "grad.straight_through", "grad.vjp", "model:gradient" },
    },
  },
}
