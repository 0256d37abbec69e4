// RUN: moe-opt %s --convert-moe-to-cpu -split-input-file -verify-diagnostics

// The threads cut gates, plans and combines by the tokens of the layer.

func.func @twice(%x: memref<?x8xf32>, %packed: memref<?xi8>, %y: memref<?x2xf32>)
    attributes {moe.entry_point = {name = "twice", inputs = [{}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %tokens = memref.dim %x, %c0 : memref<?x8xf32>
  %rows = arith.muli %tokens, %c2 : index
  %logits = memref.alloc(%rows) : memref<?x8xf32>
  %ids = memref.alloc(%rows) : memref<?x2xi32>
  %weights = memref.alloc(%rows) : memref<?x2xf32>
  // expected-error @below {{expected as many rows as the layer has tokens, T, got 2 * T}}
  moe.gate %logits router<score = softmax, top_k = 2> outs(%ids, %weights)
      : (memref<?x8xf32>, memref<?x2xi32>, memref<?x2xf32>) -> () {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return
}

// -----

func.func @some(%ids: memref<?x2xi32>, %packed: memref<?xi8>, %inverse: memref<?x2xi32>)
    attributes {moe.entry_point = {name = "some", inputs = [{}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  %first = memref.subview %ids[0, 0] [4, 2] [1, 1] : memref<?x2xi32> to memref<4x2xi32, strided<[2, 1]>>
  %offsets = memref.alloc() : memref<9xi32>
  %rows = memref.alloc() : memref<8xi32>
  %some = memref.alloc() : memref<4x2xi32>
  // expected-error @below {{expected as many rows as the layer has tokens, T, got 4}}
  moe.plan %first experts(8) outs(%offsets, %rows, %some)
      : (memref<4x2xi32, strided<[2, 1]>>, memref<9xi32>, memref<8xi32>, memref<4x2xi32>) -> ()
  return
}

// -----

func.func @unknown(%y: memref<?x8xf32>, %inverse: memref<?x2xi32>, %packed: memref<?xi8>, %out: memref<?x8xf32>)
    attributes {moe.entry_point = {name = "unknown", inputs = [{}, {}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %tokens = memref.dim %inverse, %c0 : memref<?x2xi32>
  %half = arith.divui %tokens, %c2 : index
  %some = memref.subview %inverse[0, 0] [%half, 2] [1, 1] : memref<?x2xi32> to memref<?x2xi32, strided<[2, 1]>>
  // expected-error @below {{expected as many rows as the layer has tokens, T, got an unknown number}}
  moe.combine %y inverse(%some) source = plan outs(%out)
      : (memref<?x8xf32>, memref<?x2xi32, strided<[2, 1]>>, memref<?x8xf32>) -> ()
  return
}

// -----

func.func @fewer(%y: memref<?x8xf32>, %inverse: memref<?x2xi32>, %packed: memref<?xi8>, %out: memref<?x8xf32>)
    attributes {moe.entry_point = {name = "fewer", inputs = [{}, {}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %tokens = memref.dim %inverse, %c0 : memref<?x2xi32>
  %fewer = arith.subi %tokens, %c1 : index
  %some = memref.subview %inverse[1, 0] [%fewer, 2] [1, 1] : memref<?x2xi32> to memref<?x2xi32, strided<[2, 1], offset: 2>>
  // expected-error @below {{expected as many rows as the layer has tokens, T, got T - 1}}
  moe.combine %y inverse(%some) source = plan outs(%out)
      : (memref<?x8xf32>, memref<?x2xi32, strided<[2, 1], offset: 2>>, memref<?x8xf32>) -> ()
  return
}

// -----

// Types that fix the number of tokens fix one.
func.func @different(%x: memref<4x8xf32>, %inverse: memref<5x2xi32>, %packed: memref<?xi8>, %ids: memref<4x2xi32>, %weights: memref<4x2xf32>, %y: memref<5x8xf32>)
    attributes {moe.entry_point = {name = "different", inputs = [{}, {}], params = [], outputs = [{}, {}, {}], packed_size = 0 : i64}} {
  moe.gate %x router<score = softmax, top_k = 2> outs(%ids, %weights)
      : (memref<4x8xf32>, memref<4x2xi32>, memref<4x2xf32>) -> () {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  // expected-error @below {{expected as many rows as the layer has tokens, 4, got 5}}
  moe.combine %x inverse(%inverse) source = plan outs(%y) : (memref<4x8xf32>, memref<5x2xi32>, memref<5x8xf32>) -> ()
  return
}

// -----

// Buffers are parts of the workspace, of which a caller knows the size as
// linear in T.
func.func @square(%x: memref<?x8xf32>, %packed: memref<?xi8>, %y: memref<?x8xf32>)
    attributes {moe.entry_point = {name = "square", inputs = [{}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %tokens = memref.dim %x, %c0 : memref<?x8xf32>
  // expected-error @below {{expected the size of a buffer to be linear in the number of tokens}}
  %scores = memref.alloc(%tokens, %tokens) : memref<?x?xf32>
  linalg.fill ins(%zero : f32) outs(%scores : memref<?x?xf32>)
  return
}

// -----

func.func @gate(%x: memref<?x8xf32>, %packed: memref<?xi8>, %ids: memref<?x2xi32>)
    attributes {moe.entry_point = {name = "gate", inputs = [{}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %tokens = memref.dim %x, %c0 : memref<?x8xf32>
  %twice = arith.muli %tokens, %c2 : index
  %weights = memref.alloc(%twice) : memref<?x2xf32>
  // expected-error @below {{expected dimension 0 of the destination of the weights to have size T, got 2 * T}}
  moe.gate %x router<score = softmax, top_k = 2> outs(%ids, %weights)
      : (memref<?x8xf32>, memref<?x2xi32>, memref<?x2xf32>) -> () {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  return
}

// -----

func.func @plan(%ids: memref<?x2xi32>, %packed: memref<?xi8>, %rows: memref<?xi32>, %inverse: memref<?x2xi32>)
    attributes {moe.entry_point = {name = "plan", inputs = [{}], params = [], outputs = [{}, {}], packed_size = 0 : i64}} {
  %offsets = memref.alloc() : memref<9xi32>
  // expected-error @below {{expected dimension 0 of the rows to have size 2 * T, got T}}
  moe.plan %ids experts(8) outs(%offsets, %rows, %inverse)
      : (memref<?x2xi32>, memref<9xi32>, memref<?xi32>, memref<?x2xi32>) -> ()
  return
}

// -----

func.func @copy(%x: memref<?x8xf32>, %packed: memref<?xi8>, %y: memref<?x8xf32>)
    attributes {moe.entry_point = {name = "copy", inputs = [{}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %tokens = memref.dim %x, %c0 : memref<?x8xf32>
  %twice = arith.muli %tokens, %c2 : index
  %all = memref.alloc(%twice) : memref<?x8xf32>
  linalg.fill ins(%zero : f32) outs(%all : memref<?x8xf32>)
  // expected-error @below {{expected dimension 0 of the target to have size 2 * T, got T}}
  memref.copy %all, %y : memref<?x8xf32> to memref<?x8xf32>
  return
}

// -----

func.func @unknown_loop(%x: memref<?x8xf32>, %packed: memref<?xi8>, %y: memref<?x8xf32>)
    attributes {moe.entry_point = {name = "unknown_loop", inputs = [{}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %tokens = memref.dim %x, %c0 : memref<?x8xf32>
  %half = arith.divui %tokens, %c2 : index
  %some = memref.subview %x[0, 0] [%half, 8] [1, 1] : memref<?x8xf32> to memref<?x8xf32, strided<[8, 1]>>
  // expected-error @below {{expected sizes that are linear in the number of tokens, got another one for dimension 0 of operand 1}}
  linalg.exp ins(%some : memref<?x8xf32, strided<[8, 1]>>) outs(%y : memref<?x8xf32>)
  return
}

// -----

func.func @softmax(%x: memref<?x8xf32>, %packed: memref<?xi8>, %y: memref<?x8xf32>)
    attributes {moe.entry_point = {name = "softmax", inputs = [{}], params = [], outputs = [{}], packed_size = 0 : i64}} {
  // expected-error @below {{'linalg.softmax' op expected a linalg op that is a loop nest, such as linalg.generic}}
  linalg.softmax dimension(1) ins(%x : memref<?x8xf32>) outs(%y : memref<?x8xf32>)
  return
}
