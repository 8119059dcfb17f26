"""How good is a prediction, by the rules of each benchmark?"""
