#define GET_OP_DEFS_9
#include "OpsShard.h"
