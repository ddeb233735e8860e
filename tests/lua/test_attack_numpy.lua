-- FMN, APGD, DDN and MI-FGSM beside the figures of an independent run with NumPy,
-- reference/attacks_numpy/make.py: the same iterates as long as no decision hangs on less than float32 can
-- tell, and the same answers.
local lu = require "luaunit"

local here = debug.getinfo(1, "S").source:match "^@(.*)lua/test_attack_numpy%.lua$" or "tests/"
local folder = here .. "reference/attacks_numpy/"

local function npy(name) return data.npy(folder .. name .. ".npy") end

local cases = {
  { name = "fmn_l1_continuous" }, { name = "fmn_l2_continuous" }, { name = "fmn_linf_continuous" },
  { name = "fmn_l2_continuous_target" },
  { name = "apgd_l1_continuous", dmax = 1.5 }, { name = "apgd_l2_continuous", dmax = 0.4 },
  { name = "apgd_l1_continuous_target", dmax = 1.5 }, { name = "apgd_l1_dlr_target", dmax = 1.5 },
  { name = "apgd_linf_cross_entropy", dmax = 0.06 }, { name = "apgd_l2_dlr", dmax = 0.25 },
  { name = "apgd_linf_dlr_target", dmax = 0.08 },
  { name = "ddn_l2_continuous" }, { name = "ddn_l2_cross_entropy_target" },
  { name = "ddn_l2_continuous_levels", levels = 16 },
  { name = "mifgsm_linf_continuous", dmax = 0.06 }, { name = "mifgsm_l2_cross_entropy", dmax = 0.4 },
  { name = "mifgsm_linf_continuous_target", dmax = 0.08, momentum = 0.5 },
}
local steps = 40

local function new_net()
  local net = nn.new {
    input = { 60 }, classes = { 0, 1, 2, 3, 4 }, seed = 1,
    nn.linear { out = 16, name = "fc1" }, nn.relu { name = "relu" }, nn.linear { out = 5, name = "fc2" },
  }
  local weights = {}
  for _, layer in ipairs { "fc1", "fc2" } do
    for _, part in ipairs { "weight", "bias" } do
      weights[layer .. "." .. part] = npy(layer .. "_" .. part)
    end
  end
  local path = os.tmpname()
  data.save_safetensors(path, weights)
  net:load_weights(path)
  os.remove(path)
  return net
end

local function run(case)
  local name, norm, objective = case.name:match "^(%a+)_(l%w+)_(.*)$"
  local options = { model = new_net(), norm = norm, dmax = case.dmax, max_iter = steps,
    levels = case.levels, momentum = case.momentum }
  options.objective = objective:gsub("_target$", ""):gsub("_levels$", "")
  if case.name:find "_target$" then options.target = npy "target" end
  return attack[name](options):run(data.new { x = npy "x", y = npy "y" }), name
end

local function near(ours, theirs, tolerance, words)
  lu.assertTrue(math.abs(ours - theirs) <= tolerance * math.max(0.1, math.abs(theirs)),
    ("%s: %.7f, NumPy has %.7f"):format(words, ours, theirs))
end

TestAttackNumpy = {}

for _, case in ipairs(cases) do
  TestAttackNumpy["test_" .. case.name] = function()
    local result, name = run(case)
    local loss, distance = npy(case.name .. "_loss"), npy(case.name .. "_distance")
    local answer, sure = npy(case.name .. "_answer"), npy(case.name .. "_sure")
    local compared = 0
    for i = 1, #result do
      local count, at = #result.loss[i], answer[i] + 1
      for t = 1, math.min(count, sure[i]) do
        local words = ("%s %d, iterate %d"):format(case.name, i, t)
        near(result.loss[i][t], loss:at(i, t), 1e-3, words .. ", loss")
        near(result.trace_distance[i][t], distance:at(i, t), 1e-3, words .. ", distance")
        compared = compared + 1
      end
      local tolerance = sure[i] > steps and 1e-3 or 1e-2
      if name == "fmn" or name == "ddn" then
        near(result.distance[i], distance:at(i, at), tolerance, case.name .. " " .. i)
      else
        near(result.loss[i][count], loss:at(i, at), tolerance, case.name .. " " .. i)
      end
    end
    lu.assertTrue(compared > 5 * #result, compared)
  end
end
