#include "Upgrade.h"
llvm::ArrayRef<lathe::import::Step> lathe::import::getNNSteps() { return {}; }
