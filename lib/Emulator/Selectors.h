//===- Selectors.h - Choosing handlers --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The selectors that the instruction table names. Each chooses the handler for
// one matched instruction; they are defined in the Exec*.cpp files.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_SELECTORS_H
#define MOE_LIB_EMULATOR_SELECTORS_H

#include "Program.h"

namespace moe::emulator {

class Selection;

Handler selectAbsFloat(Selection &selection);
Handler selectAbsInteger(Selection &selection);
Handler selectActivemask(Selection &selection);
Handler selectAddCarry(Selection &selection);
Handler selectAddFloat(Selection &selection);
Handler selectAddInteger(Selection &selection);
Handler selectAnd(Selection &selection);
Handler selectAtom(Selection &selection);
Handler selectBar(Selection &selection);
Handler selectBarWarpSync(Selection &selection);
Handler selectBarrierCluster(Selection &selection);
Handler selectBfe(Selection &selection);
Handler selectBfi(Selection &selection);
Handler selectBfind(Selection &selection);
Handler selectBmsk(Selection &selection);
Handler selectBra(Selection &selection);
Handler selectBrev(Selection &selection);
Handler selectBrx(Selection &selection);
Handler selectBulkCommit(Selection &selection);
Handler selectBulkLoad(Selection &selection);
Handler selectBulkReduce(Selection &selection);
Handler selectBulkStore(Selection &selection);
Handler selectBulkWait(Selection &selection);
Handler selectCall(Selection &selection);
Handler selectClz(Selection &selection);
Handler selectCnot(Selection &selection);
Handler selectCopysign(Selection &selection);
Handler selectCos(Selection &selection);
Handler selectCpAsync(Selection &selection);
Handler selectCpCommit(Selection &selection);
Handler selectCpMbarrierArrive(Selection &selection);
Handler selectCpWait(Selection &selection);
Handler selectCreatepolicy(Selection &selection);
Handler selectCvt(Selection &selection);
Handler selectCvtPack(Selection &selection);
Handler selectCvtPair(Selection &selection);
Handler selectCvta(Selection &selection);
Handler selectDivFloat(Selection &selection);
Handler selectDivInteger(Selection &selection);
Handler selectDp2a(Selection &selection);
Handler selectDp4a(Selection &selection);
Handler selectElect(Selection &selection);
Handler selectEx2(Selection &selection);
Handler selectExit(Selection &selection);
Handler selectFence(Selection &selection);
Handler selectFma(Selection &selection);
Handler selectIsspacep(Selection &selection);
Handler selectLd(Selection &selection);
Handler selectLdmatrix(Selection &selection);
Handler selectLg2(Selection &selection);
Handler selectLop3(Selection &selection);
Handler selectMad24(Selection &selection);
Handler selectMadCarry(Selection &selection);
Handler selectMadInteger(Selection &selection);
Handler selectMapa(Selection &selection);
Handler selectMatch(Selection &selection);
Handler selectMaxFloat(Selection &selection);
Handler selectMaxInteger(Selection &selection);
Handler selectMbarrierArrive(Selection &selection);
Handler selectMbarrierArriveNoState(Selection &selection);
Handler selectMbarrierCompleteTx(Selection &selection);
Handler selectMbarrierExpectTx(Selection &selection);
Handler selectMbarrierInit(Selection &selection);
Handler selectMbarrierInval(Selection &selection);
Handler selectMbarrierPendingCount(Selection &selection);
Handler selectMbarrierWait(Selection &selection);
Handler selectMinFloat(Selection &selection);
Handler selectMinInteger(Selection &selection);
Handler selectMma(Selection &selection);
Handler selectMov(Selection &selection);
Handler selectMovmatrix(Selection &selection);
Handler selectMul24(Selection &selection);
Handler selectMulFloat(Selection &selection);
Handler selectMulInteger(Selection &selection);
Handler selectNanosleep(Selection &selection);
Handler selectNegFloat(Selection &selection);
Handler selectNegInteger(Selection &selection);
Handler selectNot(Selection &selection);
Handler selectNothing(Selection &selection);
Handler selectOr(Selection &selection);
Handler selectPack(Selection &selection);
Handler selectPopc(Selection &selection);
Handler selectPrmt(Selection &selection);
Handler selectRcp(Selection &selection);
Handler selectRed(Selection &selection);
Handler selectRedux(Selection &selection);
Handler selectRem(Selection &selection);
Handler selectRet(Selection &selection);
Handler selectRsqrt(Selection &selection);
Handler selectSad(Selection &selection);
Handler selectSelp(Selection &selection);
Handler selectSet(Selection &selection);
Handler selectSetmaxnreg(Selection &selection);
Handler selectSetp(Selection &selection);
Handler selectShf(Selection &selection);
Handler selectShfl(Selection &selection);
Handler selectShl(Selection &selection);
Handler selectShr(Selection &selection);
Handler selectSin(Selection &selection);
Handler selectSlct(Selection &selection);
Handler selectSqrt(Selection &selection);
Handler selectSt(Selection &selection);
Handler selectStmatrix(Selection &selection);
Handler selectSubCarry(Selection &selection);
Handler selectSubFloat(Selection &selection);
Handler selectSubInteger(Selection &selection);
Handler selectSzext(Selection &selection);
Handler selectTanh(Selection &selection);
Handler selectTensorLoad(Selection &selection);
Handler selectTensorReduce(Selection &selection);
Handler selectTensormapCopy(Selection &selection);
Handler selectTensormapReplace(Selection &selection);
Handler selectTensorStore(Selection &selection);
Handler selectTestp(Selection &selection);
Handler selectTrap(Selection &selection);
Handler selectUnpack(Selection &selection);
Handler selectVote(Selection &selection);
Handler selectWgmma(Selection &selection);
Handler selectWgmmaCommit(Selection &selection);
Handler selectWgmmaFence(Selection &selection);
Handler selectWgmmaWait(Selection &selection);
Handler selectXor(Selection &selection);

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_SELECTORS_H
