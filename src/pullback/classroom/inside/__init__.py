"""What runs inside the process of a submission; it imports NumPy and nothing of Pullback.

The process is started with this folder's parent on its path, so the modules here import each
other relatively and nothing else. They hold no secret: whatever they know, a submission may know.
"""
