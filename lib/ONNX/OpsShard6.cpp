#define GET_OP_DEFS_6
#include "OpsShard.h"
