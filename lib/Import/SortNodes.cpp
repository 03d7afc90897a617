//===- SortNodes.cpp - Topological order of a graph's nodes ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ModelImporter.h"
#include <queue>

using namespace lathe::import;
using llvm::SmallVector;
using llvm::StringRef;

using Nodes = google::protobuf::RepeatedPtrField<pb::NodeProto>;

/// Calls \p Use for each name that \p Proto reads, in its subgraphs too. Names
/// that a subgraph defines itself are its own.
static void forEachUse(const pb::NodeProto &Proto,
                       llvm::function_ref<void(StringRef)> Use) {
  for (const std::string &Name : Proto.input())
    if (!Name.empty())
      Use(Name);
  auto VisitGraph = [&](const pb::GraphProto &Graph) {
    llvm::StringSet<> Own;
    for (const pb::ValueInfoProto &Info : Graph.input())
      Own.insert(Info.name());
    for (const pb::TensorProto &Tensor : Graph.initializer())
      Own.insert(Tensor.name());
    for (const pb::SparseTensorProto &Sparse : Graph.sparse_initializer())
      Own.insert(Sparse.values().name());
    for (const pb::NodeProto &Inner : Graph.node())
      for (const std::string &Name : Inner.output())
        Own.insert(Name);
    auto UseOuter = [&](StringRef Name) {
      if (!Own.contains(Name))
        Use(Name);
    };
    for (const pb::NodeProto &Inner : Graph.node())
      forEachUse(Inner, UseOuter);
    for (const pb::ValueInfoProto &Info : Graph.output())
      UseOuter(Info.name());
  };
  for (const pb::AttributeProto &Attr : Proto.attribute()) {
    if (Attr.has_g())
      VisitGraph(Attr.g());
    for (const pb::GraphProto &Graph : Attr.graphs())
      VisitGraph(Graph);
  }
}

/// Names the nodes of one cycle among those whose \p Missing is not zero.
static std::string
describeCycle(const Nodes &List,
              llvm::ArrayRef<SmallVector<unsigned, 4>> Producers,
              llvm::ArrayRef<unsigned> Missing) {
  unsigned At = 0;
  while (!Missing[At])
    ++At;
  // Each remaining node waits for another one: going back ends in a cycle.
  llvm::SmallDenseMap<unsigned, unsigned> Position;
  SmallVector<unsigned> Path;
  while (Position.try_emplace(At, Path.size()).second) {
    Path.push_back(At);
    At = *llvm::find_if(Producers[At],
                        [&](unsigned P) { return Missing[P] != 0; });
  }
  auto Cycle = llvm::ArrayRef(Path).drop_front(Position[At]);
  std::string Text;
  for (unsigned Index : llvm::reverse(Cycle.take_back(8)))
    Text += "'" + getName(List[Index]).str() + "' (" + List[Index].op_type() +
            ") -> ";
  if (Cycle.size() > 8)
    Text += "... -> ";
  return Text + "'" + getName(List[Cycle.back()]).str() + "'";
}

llvm::Expected<SmallVector<const pb::NodeProto *>>
lathe::import::sortNodes(const Nodes &List) {
  unsigned Count = List.size();
  llvm::StringMap<unsigned> ProducerOf;
  for (unsigned I = 0; I < Count; ++I)
    for (const std::string &Name : List[I].output())
      if (!Name.empty()) {
        // Of constants of one name the last counts.
        auto [It, New] = ProducerOf.try_emplace(Name, I);
        if (!New && List[I].op_type() == "Constant")
          It->second = I;
      }

  std::vector<SmallVector<unsigned, 4>> Producers(Count), Users(Count);
  std::vector<unsigned> Missing(Count);
  for (unsigned I = 0; I < Count; ++I) {
    llvm::SmallDenseSet<unsigned, 4> Seen;
    forEachUse(List[I], [&](StringRef Name) {
      auto It = ProducerOf.find(Name);
      if (It == ProducerOf.end() || !Seen.insert(It->second).second)
        return;
      Producers[I].push_back(It->second);
      Users[It->second].push_back(I);
    });
    Missing[I] = Producers[I].size();
  }
  // The lowest ready number first: an order that is already right stays.
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> Ready;
  for (unsigned I = 0; I < Count; ++I)
    if (!Missing[I])
      Ready.push(I);
  SmallVector<const pb::NodeProto *> Sorted;
  while (!Ready.empty()) {
    unsigned I = Ready.top();
    Ready.pop();
    Sorted.push_back(&List[I]);
    for (unsigned User : Users[I])
      if (--Missing[User] == 0)
        Ready.push(User);
  }
  if (Sorted.size() != Count)
    return llvm::createStringError("the graph has a cycle: " +
                                   describeCycle(List, Producers, Missing));
  return Sorted;
}
