# lit's configuration: every *.mlir, *.test, *.c and *.py below with a RUN line is a test.
import os
import shutil

import lit.formats

config.name = "Lathe"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit", "CMakeLists.txt", "lit.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.lathe_build_dir, "test")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.lathe_build_dir, "bin"), config.llvm_tools_dir, config.environment["PATH"]]
)
# For the scripts of test/harness: the build under test, not the one beside it.
config.environment["LATHE_BUILD"] = config.lathe_build_dir
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%source", config.lathe_source_dir))
config.substitutions.append(("%mlir-tblgen", os.path.join(config.llvm_tools_dir, "mlir-tblgen")))
config.substitutions.append(("%mlir-include", os.path.join(config.llvm_tools_dir, "..", "include")))
config.substitutions.append(("%include", os.path.join(config.lathe_source_dir, "include")))
if not config.sanitized:
    config.available_features.add("not-sanitized")
config.substitutions.append(("%fakecuda_old", os.path.join(config.lathe_build_dir, "lib", "libfakecuda_old.so")))
config.substitutions.append(("%fakecuda", os.path.join(config.lathe_build_dir, "lib", "libfakecuda.so")))
if shutil.which("ptxas") or shutil.which("ptxas", path="/usr/local/cuda/bin"):
    config.available_features.add("ptxas")
