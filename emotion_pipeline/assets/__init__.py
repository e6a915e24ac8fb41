"""The assets: one file per stage. Each reads its inputs, calls one function of the engine and reports what came out."""
