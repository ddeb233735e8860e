-- The Lua half of the library perigee.

--- The session's facts on one line, as figures carry them: "perigee 0.1.0 (6841313), seed 0, 2 threads,
--- OpenBLAS 0.3.21 (SkylakeX), libsvm 3.24, Lua 5.4.4".
function perigee.header()
  local facts = perigee.facts()
  local revision = facts.revision ~= "" and (" (%.50s)"):format(facts.revision) or ""
  return ("perigee %s%s, seed %d, %d thread%s, OpenBLAS %s (%.40s), libsvm %s, Lua %s"):format(facts.version,
    revision, facts.seed, facts.threads, facts.threads == 1 and "" or "s", facts.blas, facts.blas_core,
    facts.libsvm, facts.lua)
end

return perigee
