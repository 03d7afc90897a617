//===- Options.td - Options of lathe and lathe-run --------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Options of a compilation are shared by both programs; the others belong to one.
// `--name value` and `--name=value` are the same, except where the value may be
// left out. What the options of a group outside of Output, Running, Reports and
// Other say is recorded in the artefacts, so that it must change them.
//
//===----------------------------------------------------------------------===//

include "llvm/Option/OptParser.td"

def RunVis : OptionVisibility;

// Each occurrence counts; of other options the last.
def Repeatable : OptionFlag;

defvar Compile = [DefaultVis];
defvar Shared = [DefaultVis, RunVis];
defvar Run = [RunVis];

// --name=value, and --name value as its alias.
multiclass Value<string name, string text, string meta, OptionGroup group,
                 list<OptionVisibility> vis, list<OptionFlag> flags = []> {
  def _EQ : Joined<["--"], name#"=">, HelpText<text>, MetaVarName<meta>, Group<group>,
            Visibility<vis>, Flags<flags>;
  def "" : Separate<["--"], name>, Alias<!cast<Option>(NAME#"_EQ")>, Visibility<vis>;
}

class Switch<string name, string text, OptionGroup group, list<OptionVisibility> vis>
    : Flag<["--"], name>, HelpText<text>, Group<group>, Visibility<vis>;

def GroupOutput : OptionGroup<"Output">, HelpText<"Output">;
def GroupModel : OptionGroup<"Model">, HelpText<"Model">;
def GroupTarget : OptionGroup<"Target">, HelpText<"Target and optimisation">;
def GroupCompress : OptionGroup<"Compression">, HelpText<"Compression">;
def GroupRun : OptionGroup<"Running">, HelpText<"Running">;
def GroupReport : OptionGroup<"Reports">, HelpText<"Reports and debugging">;
def GroupOther : OptionGroup<"Other">, HelpText<"Other">;

//===----------------------------------------------------------------------===//
// Output
//===----------------------------------------------------------------------===//

def o : JoinedOrSeparate<["-"], "o">, MetaVarName<"FILE">, Group<GroupOutput>,
        HelpText<"Write FILE, and for what can be linked FILE's stem with .h beside it">;
defm emit : Value<"emit",
  "What to write where the ending of -o does not say it: o, a, so, s, ll, bc, mlir, of kernels "
  "for a GPU also ptx and device-ll, or the form after a stage: import, graph, compress, lower, kernel, codegen, llvm",
  "KIND", GroupOutput, Compile>;
defm name : Value<"name", "Prefix of the C functions (default: the stem of -o)", "NAME",
                  GroupOutput, Compile>;
def MD : Flag<["-"], "MD">, Group<GroupOutput>,
         HelpText<"Write a rule for make or ninja beside the output (.d): it depends on the model, its "
                  "external data and its calibration samples">;
def MF : JoinedOrSeparate<["-"], "MF">, MetaVarName<"FILE">, Group<GroupOutput>,
         HelpText<"Write that rule to FILE">;
def print_weights : Switch<"print-weights", "Print large constants in .mlir text", GroupOutput,
                           Compile>;

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

defm dim : Value<"dim", "Make the dynamic dimension NAME static; may be repeated", "NAME=N",
                 GroupModel, Shared, [Repeatable]>;
defm input : Value<"input",
  "Keep NAME, an input with an initializer, as an input with that default; may be repeated",
  "NAME", GroupModel, Shared, [Repeatable]>;

//===----------------------------------------------------------------------===//
// Target and optimisation
//===----------------------------------------------------------------------===//

defm target : Value<"target",
  "Machine to compile for: native (default), x86-64, x86-64-v2, x86-64-v3, x86-64-v4, or a "
  "triple such as aarch64-linux-gnu or armv7-linux-gnueabihf; nvptx64-nvidia-cuda: kernels for "
  "a GPU", "TARGET", GroupTarget, Shared>;
defm cpu : Value<"cpu", "CPU in LLVM's spelling, e.g. znver4, skylake or sm_90; native, or help for all of them", "CPU",
                 GroupTarget, Shared>;
defm features : Value<"features", "Features to add to or take from the CPU: +avx2,-fma", "LIST",
                      GroupTarget, Shared>;
def O : Joined<["-"], "O">, MetaVarName<"0..3">, Group<GroupTarget>, Visibility<Shared>,
        HelpText<"Optimisation: 0 no fusion, generic tier; 1 graph passes; 2 specialised kernels; "
                 "3 (default) all">;
defm fp_model : Value<"fp-model",
  "fast (default): sums may be reordered, products contracted; strict: neither", "MODEL",
  GroupTarget, Shared>;
defm emitters : Value<"emitters",
  "all (default), or none: every kernel by the generic tier", "WHICH", GroupTarget, Shared>;
defm disable_pass : Value<"disable-pass",
  "Leave out the pass NAME, one that only makes the model smaller or faster; may be repeated",
  "NAME", GroupTarget, Shared, [Repeatable]>;
defm fold_limit : Value<"fold-limit",
  "Compute no constant above so many bytes while compiling (default 64M), unless it takes the "
  "place of another; 0: compute none", "BYTES", GroupTarget, Shared>;

//===----------------------------------------------------------------------===//
// Compression
//===----------------------------------------------------------------------===//

defm prune : Value<"prune", "Make this part of all weights zero, the smallest first (0 to 1)",
                   "FRACTION", GroupCompress, Shared>;
defm prune_scope : Value<"prune-scope",
  "global (default): --prune ranks all weights together; layer: in each layer by itself", "SCOPE",
  GroupCompress, Shared>;
defm prune_sigma : Value<"prune-sigma",
  "Make weights zero that are below ALPHA standard deviations of their layer", "ALPHA",
  GroupCompress, Shared>;
defm prune_pattern : Value<"prune-pattern",
  "Make weights zero in a pattern: N:M (2:4 keeps 2 of 4), or blocks ROWSxCOLUMNS:FRACTION",
  "PATTERN", GroupCompress, Shared>;
defm prune_channels : Value<"prune-channels",
  "Remove this part of the channels of every layer, the weakest (below 1)", "FRACTION",
  GroupCompress, Shared>;
defm prune_layers : Value<"prune-layers",
  "Remove residual branches, those that add least: a number, or a fraction below 1", "AMOUNT",
  GroupCompress, Shared>;
defm quantize : Value<"quantize",
  "int8: integers end to end, with --calibrate; int8-weights, int4-weights: only weights", "KIND",
  GroupCompress, Shared>;
defm calibrate : Value<"calibrate",
  "Folder with samples, each as for --data (inputs only), for --quantize=int8", "DIR",
  GroupCompress, Shared>;
defm quantize_skip : Value<"quantize-skip", "Leave the node NAME in floats; may be repeated",
  "NAME", GroupCompress, Shared, [Repeatable]>;
defm prune_skip : Value<"prune-skip", "Leave the node NAME as it is; may be repeated", "NAME",
  GroupCompress, Shared, [Repeatable]>;

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

defm data : Value<"data",
  "Folder with input_N.npy or .pb and output_N.npy or .pb to compare with; or with such folders; "
  "may be repeated", "DIR", GroupRun, Run, [Repeatable]>;
defm rtol : Value<"rtol", "Relative tolerance of the comparison (default 1e-3)", "R", GroupRun,
                  Run>;
defm atol : Value<"atol", "Absolute tolerance of the comparison (default 1e-7)", "A", GroupRun,
                  Run>;
def bench : Switch<"bench", "Measure the time of a run, for a second", GroupRun, Run>;
def bench_EQ : Joined<["--"], "bench=">, HelpText<"As --bench, for so many seconds">,
               MetaVarName<"SECONDS">, Group<GroupRun>, Visibility<Run>;
defm seed : Value<"seed", "Seed of random inputs where there is no --data (default 0)", "N",
                  GroupRun, Run>;
defm save_object : Value<"save-object", "Keep the object that was compiled in memory in FILE", "FILE",
                         GroupRun, Run>;
def json : Switch<"json", "End with one line of JSON", GroupRun, Run>;
defm threads : Value<"threads", "Threads to run on; only 1 (default) is supported yet", "N",
                     GroupRun, Shared>;

//===----------------------------------------------------------------------===//
// Reports and debugging
//===----------------------------------------------------------------------===//

def check : Switch<"check",
  "List every operator that would not compile; write nothing without -o", GroupReport, Compile>;
def stats : Switch<"stats",
  "Print nodes, parameters, work, workspace and code size; write nothing without -o",
  GroupReport, Compile>;
def stats_EQ : Joined<["--"], "stats=">, HelpText<"As --stats, as text or json; or what each pass on the graph did: passes, passes-json">,
               MetaVarName<"FORM">, Group<GroupReport>, Visibility<Compile>;
def remarks : Switch<"remarks", "Print what passes left undone, and why", GroupReport, Shared>;
def pass_statistics : Switch<"pass-statistics", "Print what the passes count", GroupReport, Shared>;
def time_passes : Switch<"time-passes", "Print the time that each pass took", GroupReport, Shared>;
defm print_ir_after : Value<"print-ir-after",
  "Print the IR after the pass NAME; may be repeated", "NAME", GroupReport, Shared,
  [Repeatable]>;
defm reproducer : Value<"reproducer",
  "Where the compiler itself fails, keep the IR and the passes in FILE (for lathe-opt)", "FILE",
  GroupReport, Shared>;

defm jobs : Value<"jobs",
  "Threads to compile with (default: one for each core); the output is the same for any number", "N",
  GroupOther, Shared>;
def help : Switch<"help", "Print this text", GroupOther, Shared>;
def h : Flag<["-"], "h">, Alias<help>, Visibility<Shared>;
def version : Switch<"version", "Print the version", GroupOther, Shared>;
