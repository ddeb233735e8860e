-- What counts as held under an attack, in the counts of a result (result:counts()). A convention has the
-- words that name it, and held(counts, attacked); attacked is false where nothing was moved.
--
--   detection  the samples that are correct without an attack, and correct or rejected under it: one minus
--              the robust risk with detection. A clean sample that is rejected is an error at every dmax.
--   paper      as in "Deep neural rejection against adversarial examples": a clean sample that is rejected
--              is an error, a moved one a success of the defence whatever it was before. So a curve may
--              rise from dmax 0 to the next.
--   error      the correct ones: a rejected sample is an error.

local arguments = require "perigee.arguments"
local evidence = require "perigee.evaluate.evidence"

local conventions = {
  detection = { words = "robust accuracy with detection", held = function(c) return c.robust end },
  paper = {
    words = "accuracy, as in the paper",
    held = function(c, attacked) return attacked and c.correct + c.rejected or c.correct end,
  },
  error = { words = "accuracy, rejection an error", held = function(c) return c.correct end },
}

for _, convention in pairs(conventions) do
  --- The shares of the counted samples that held, and that were rejected; NaN of none.
  function convention.shares(counts, attacked)
    local n = evidence.samples(counts)
    return convention.held(counts, attacked) / n, counts.rejected / n
  end
end

--- The convention of the option `rejection`, "detection" if it is nil.
return function(where, name)
  return conventions[name == nil and "detection" or name]
    or arguments.expected(where, "rejection", '"detection", "paper" or "error"', name)
end
