//===- Header.cpp - The C header of a model -------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Target/Header.h"
#include "lathe/Support/Names.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::target;

/// \p Text in a form that may stand in a C comment under -Wall -Wextra.
static std::string inComment(llvm::StringRef Text) {
  std::string Result;
  for (char C : Text) {
    char Last = Result.empty() ? ' ' : Result.back();
    // Neither ends nor nests the comment, nor is a trigraph.
    if ((Last == '*' && C == '/') || (Last == '/' && C == '*') ||
        (Last == '?' && C == '?'))
      Result += ' ';
    Result += llvm::isPrint(C) ? C : '.';
  }
  return Result;
}

/// As an explanation for people: "input 'image': float [1,3,224,224]".
static void describe(llvm::raw_ostream &OS, llvm::StringRef Kind,
                     const TensorInfo &T) {
  std::string Type = T.enumerator().drop_front(strlen("LATHE_")).lower();
  OS << " *   " << Kind << " '" << inComment(T.Name) << "': " << Type << ' '
     << inComment(T.shapeText());
  if (!T.Keys.empty()) {
    OS << ", the values of the keys ";
    llvm::interleaveComma(T.Keys.Ints, OS);
    llvm::interleaveComma(T.Keys.Strings, OS, [&](llvm::StringRef Key) {
      OS << "'" << inComment(Key) << "'";
    });
  }
  OS << "\n";
}

namespace {
struct Parameter {
  const TensorInfo *Tensor;
  std::string Identifier;
};
} // namespace

static void writeArray(llvm::raw_ostream &OS, llvm::StringRef Array, bool Const,
                       llvm::ArrayRef<Parameter> Parameters) {
  if (Parameters.empty())
    return;
  OS << "  " << (Const ? "const " : "") << "lathe_tensor " << Array << "["
     << Parameters.size() << "] = {\n";
  for (const auto &[I, P] : llvm::enumerate(Parameters))
    OS << "      {" << (Const ? "(void *)" : "") << P.Identifier << ", "
       << P.Tensor->enumerator() << ", " << P.Tensor->Shape.size() << ", NULL, "
       << P.Tensor->bytes() << "}"
       << (I + 1 == Parameters.size() ? "};\n" : ",\n");
}

/// The inline wrapper for a model whose shapes are all fixed. It fills only the
/// first fields of lathe_call, and its struct_size says so: later fields do not
/// change its text.
static void writeRun(llvm::raw_ostream &OS, const ModelInfo &Info,
                     llvm::StringRef Name) {
  llvm::StringSet<> Taken;
  for (llvm::StringRef Used :
       {"workspace", "inputs", "outputs", "call", "lathe_tensor", "lathe_call",
        "uint8_t", "int8_t", "uint16_t", "int16_t", "uint32_t", "int32_t",
        "uint64_t", "int64_t"})
    Taken.insert(Used);
  Taken.insert((Name + "_call").str());
  std::vector<Parameter> Inputs, Outputs;
  for (const TensorInfo &T : Info.Inputs)
    Inputs.push_back({&T, makeUniqueIdentifier(T.Name, Taken)});
  for (const TensorInfo &T : Info.Outputs)
    Outputs.push_back({&T, makeUniqueIdentifier(T.Name, Taken)});

  OS << "/* Runs the model: 0, or a status (see " << Name << "_error). */\n"
     << "static inline int " << Name << "_run(";
  for (const Parameter &P : Inputs)
    OS << "const " << P.Tensor->cType() << " *" << P.Identifier << " /*"
       << P.Tensor->shapeText() << "*/,\n    ";
  for (const Parameter &P : Outputs)
    OS << P.Tensor->cType() << " *" << P.Identifier << " /*"
       << P.Tensor->shapeText() << "*/,\n    ";
  OS << "void *workspace) {\n";
  writeArray(OS, "inputs", /*Const=*/true, Inputs);
  writeArray(OS, "outputs", /*Const=*/false, Outputs);
  OS << "  lathe_call call;\n"
     << "  call.struct_size = (uint32_t)offsetof(lathe_call, weights);\n"
     << "  call.num_inputs = " << Inputs.size() << ";\n"
     << "  call.num_outputs = " << Outputs.size() << ";\n"
     << "  call.reserved = 0;\n"
     << "  call.inputs = " << (Inputs.empty() ? "NULL" : "inputs") << ";\n"
     << "  call.outputs = " << (Outputs.empty() ? "NULL" : "outputs") << ";\n"
     << "  call.workspace = workspace;\n"
     << "  call.workspace_bytes = " << llvm::StringRef(Name).upper()
     << "_WORKSPACE_BYTES;\n"
     << "  return " << Name << "_call(&call);\n}\n\n";
}

std::string target::writeHeader(const ModelInfo &Info, llvm::StringRef Name,
                                llvm::StringRef Version,
                                llvm::StringRef Options) {
  std::string Text, Upper = Name.upper();
  llvm::raw_string_ostream OS(Text);
  OS << "/* Made by lathe " << inComment(Version) << ".\n";
  if (!Options.empty())
    OS << " * Options: " << inComment(Options) << "\n";
  OS << " *\n * Model " << Name << "\n";
  for (const TensorInfo &T : Info.Inputs)
    describe(OS, "input", T);
  for (const TensorInfo &T : Info.Outputs)
    describe(OS, "output", T);
  if (!Info.isStatic())
    OS << " *\n * Sizes by name or '?' are known only at run time: fill a "
          "lathe_call (see lathe.h)\n"
       << " * and ask " << Name
       << "_model()->workspace for the size of the workspace.\n";
  OS << " */\n#ifndef LATHE_MODEL_" << Upper << "_H\n#define LATHE_MODEL_"
     << Upper << "_H\n\n"
     << "#include \"lathe.h\"\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  if (Info.WorkspaceBytes)
    // Never 0, so that an array of this size can be declared.
    OS << "/* Memory that a run needs, aligned to 64 bytes. */\n#define "
       << Upper << "_WORKSPACE_BYTES "
       << std::max<int64_t>(*Info.WorkspaceBytes, 64) << "\n\n";
  OS << "int " << Name << "_call(const lathe_call *call);\n"
     << "const lathe_model *" << Name << "_model(void);\n"
     << "const char *" << Name << "_error(int status);\n\n";
  if (Info.isStatic())
    writeRun(OS, Info, Name);
  OS << "#ifdef __cplusplus\n}\n#endif\n\n#endif /* LATHE_MODEL_" << Upper
     << "_H */\n";
  return Text;
}
