-- The families of measures, in the order of the help: each a file here and one in help/metrics, and its
-- heading there.
return {
  { "accuracy", "Right, wrong and rejected" },
  { "classes", "Class by class" },
  { "ranking", "Confidences" },
  { "rejection", "A threshold" },
  { "robust", "Under attack" },
  { "distance", "Distances" },
  { "intervals", "Intervals" },
}
