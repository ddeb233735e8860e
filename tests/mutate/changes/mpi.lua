-- Mistakes in src/mpi: in what needs no MPI.
return {
  tests = { "core/test_farm" },

  { file = "src/mpi/farm.c", old = "    farm->held[rank]++;\n    farm->outstanding++;", new = "    farm->held[rank]++;" },
  { file = "src/mpi/farm.c", old = "    farm->held[message->from]--;\n", new = "" },
  { file = "src/mpi/farm.c", old = "memmove(bytes, bytes + sizeof head, message->bytes - sizeof head);", new = "" },
  { file = "src/mpi/farm.c", old = "if (farm->round != farm->stopped_round)", new = "if (farm->round == farm->stopped_round)" },
  { file = "src/mpi/farm.c", old = "if (n > TRANSPORT_MOST - sizeof(Head))", new = "if (n > TRANSPORT_MOST + sizeof(Head))" },
}
