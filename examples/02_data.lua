-- 02_data.lua — datasets: samples and their labels, kept together.

local digits = data.digits(1000, { seed = 1 })  -- the built-in handwritten-looking digits
print(digits)                                   -- how many, of what shape, how many of each class
print(digits.x.shape[1], digits.x.shape[2], digits.y[1])

local train, test = digits:split(0.8, { seed = 1 })
print(#train, #test)
print(test:per_class(3))                        -- the first three of each class
print(test:where(test.y:eq(7)))                 -- the sevens
print(train:sample(50, { seed = 2 }))           -- fifty at random

-- Your own: an array of samples, a list of labels.
local mine = data.new { x = array.rand({ 4, 2 }, { seed = 3 }), y = { 0, 1, 0, 1 } }
print(mine)

-- A dataset never changes; `with` makes another, which shares what is the same.
print(mine:with { y = { 2, 3, 2, 3 } })

if data.has_mnist() then
  print(data.mnist("test"))
else
  print("MNIST is not here; scripts/get-mnist fetches it")
end
