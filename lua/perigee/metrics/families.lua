-- The families of measures, in the order of the help: each a file here and one in help/metrics, and its
-- heading there.
return {
  { "accuracy", "Right, wrong and rejected" },
  { "classes", "Class by class" },
  { "robust", "Under attack" },
}
