-- What was wrong with the data of evaluate.security was told of as attack.noise's, which nobody had called.

local lu = require "luaunit"

TestForeignNames = {}

local d = data.digits(6, { seed = 1, classes = { 1, 7 } })
local model = svm.new({}):fit(d)

function TestForeignNames:test_security()
  local broken = { classes = { 1, 7 }, scores = function() error "not today" end }
  for message, change in pairs {
    ["evaluate.security: sample 1: feature "] = { data = d:with { x = d.x * 5 } },
    ["evaluate.security: data: expected a dataset to attack, got 3"] = { data = 3 },
    ["evaluate.security: samples have 3 features, the svm takes 784"] = {
      data = data.new { x = array.rand(2, 3, { seed = 1 }), y = { 1, 7 } },
    },
    ["evaluate.security: seed: expected a whole number from 0"] = { seed = -1.5 },
    ["evaluate.security: unknown option 'attack.noise'"] = { ["attack.noise"] = 3 },
    ["not today"] = { models = { broken } },
  } do
    for _, dmax in ipairs { { 0 }, { 1 } } do
      local options = { models = { model }, attack = attack.pgd { norm = "l2" }, data = d, dmax = dmax }
      for key, value in pairs(change) do options[key] = value end
      lu.assertErrorMsgContains(message, evaluate.security, options)
      local _, told = pcall(evaluate.security, options)
      lu.assertNotStrContains(told, "attack.noise:")
      lu.assertNotStrContains(told, "attack.pgd:")
      lu.assertStrContains(told, "test_foreign_names.lua:")
    end
  end
end
